#!/usr/bin/env bash
# A wheel with the binary inside: pip install keyfill.
#   packaging/wheel.sh [BINARY [TARGET]]  leaves dist/keyfill-VERSION-py3-none-PLATFORM.whl
# shellcheck source=packaging/common.sh
. "$(dirname "$0")/common.sh"
python3 packaging/wheel.py "$binary" "$target" "$dist"
