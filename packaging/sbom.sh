#!/usr/bin/env bash
# A CycloneDX bill of materials: what the binary of a target is made from.
#   packaging/sbom.sh [TARGET]  leaves dist/keyfill-VERSION-TARGET.cdx.json
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-x86_64-unknown-linux-musl}
dist=${KEYFILL_DIST:-$PWD/dist}
mkdir -p "$dist"
cargo metadata --locked --format-version 1 --filter-platform "$target" |
  python3 packaging/sbom.py "$target" "$dist"
