#!/usr/bin/env bash
# The npm packages: keyfill, which starts the binary, and one package for each platform, which holds it.
#   packaging/npm.sh [BINARY [TARGET]]  leaves dist/npm/keyfill-VERSION.tgz and dist/npm/keyfill-OS-CPU-VERSION.tgz
# shellcheck source=packaging/common.sh
. "$(dirname "$0")/common.sh"
python3 packaging/npm.py "$binary" "$target" "$dist/npm"
