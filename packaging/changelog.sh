#!/usr/bin/env bash
# Prints the section of a version from CHANGELOG.md, as the text of its release: packaging/changelog.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."
section=$(awk -v version="$1" '/^## / { inside = ($2 == version); next } inside' CHANGELOG.md)
[ -n "$section" ] || { echo "CHANGELOG.md has no section $1" >&2; exit 1; }
printf '%s\n' "$section" | sed -e '/./,$!d'
