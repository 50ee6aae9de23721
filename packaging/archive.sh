#!/usr/bin/env bash
# The archive of a release: binary, licence, README, completions, manual pages.
#   packaging/archive.sh [BINARY [TARGET]]  leaves dist/keyfill-VERSION-TARGET.tar.gz
# shellcheck source=packaging/common.sh
. "$(dirname "$0")/common.sh"
python3 packaging/archive.py "$binary" "$target" "$dist"
