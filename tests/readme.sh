#!/usr/bin/env bash
# Runs the README's first command as it stands there and compares what it prints with what the page says.
set -euo pipefail
binary=$(realpath "$1")
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
block() { awk -v name="$1" '$0 == "<!-- " name " -->" { on = 1; next } on && /^```/ { if (inside) exit; inside = 1; next } inside' README.md; }
build='cargo run --profile quick -q --'
block quick-start | grep -qF "$build"
block quick-start | sed "s|$build|$binary|" > "$work/command"
block quick-start-output > "$work/expected"
[ -s "$work/command" ] && [ -s "$work/expected" ]
bash "$work/command" > "$work/got"
diff -u "$work/expected" "$work/got"
echo "the README's first command prints what the page says"
