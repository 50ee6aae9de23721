#!/usr/bin/env bash
# Writes what a change does into a file, as Markdown for a comment. A difference is no failure.
set -euo pipefail
words=()
while IFS= read -r line; do
  [ -z "$line" ] || words+=("$line")
done <<< "${INPUT_DIFF_ARGUMENTS:-}"
status=0
keyfill diff --format markdown "${words[@]}" "${INPUT_DIFF_BASE:?the revision to compare with}" \
  > "${INPUT_DIFF_FILE:?the file for the differences}" || status=$?
# 1 says that there is a difference.
[ "$status" -le 1 ] || exit "$status"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  cat "$INPUT_DIFF_FILE" >> "$GITHUB_STEP_SUMMARY"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  echo "differs=$([ "$status" -eq 1 ] && echo true || echo false)" >> "$GITHUB_OUTPUT"
fi
