#!/usr/bin/env bash
# Runs `keyfill check` with annotations for GitHub, and once more as SARIF where a file for it is named.
set -euo pipefail
words=()
while IFS= read -r line; do
  [ -z "$line" ] || words+=("$line")
done <<< "${INPUT_ARGUMENTS:-}"
[ -z "${INPUT_KNOWN_SECRETS:-}" ] || words+=("--known-secrets=$INPUT_KNOWN_SECRETS")
# A name from the outside that begins with a hyphen stays a name.
words+=(--)
while IFS= read -r line; do
  [ -z "$line" ] || words+=("$line")
done <<< "${INPUT_PATHS:-}"

if [ -n "${INPUT_SARIF_FILE:-}" ]; then
  # Problems are reported below; here they only go into the file.
  keyfill check --format sarif "${words[@]}" > "$INPUT_SARIF_FILE" || [ -s "$INPUT_SARIF_FILE" ]
fi
keyfill check --format github "${words[@]}"
