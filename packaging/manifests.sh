#!/usr/bin/env bash
# The Homebrew formula and the krew manifest of a release, from the checksums of its archives in dist/:
#   packaging/manifests.sh URL-OF-THE-RELEASES-FILES HOMEPAGE  leaves dist/keyfill.rb and dist/keyfill.yaml
set -euo pipefail
cd "$(dirname "$0")/.."
python3 packaging/manifests.py "$1" "$2" "${KEYFILL_DIST:-$PWD/dist}"
