#!/usr/bin/env bash
# A Debian package of a static binary: it depends on nothing.
#   packaging/deb.sh [BINARY [TARGET]]  leaves dist/keyfill_VERSION_ARCHITECTURE.deb
# shellcheck source=packaging/common.sh
. "$(dirname "$0")/common.sh"
case $target in
x86_64-*-linux-*) architecture=amd64 ;;
aarch64-*-linux-*) architecture=arm64 ;;
*) echo "there is no Debian package for $target" >&2; exit 2 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packaging/tree.sh "$binary" "$target" "$work"
mkdir "$work/DEBIAN"
cat > "$work/DEBIAN/control" <<CONTROL
Package: keyfill
Version: $version
Architecture: $architecture
Maintainer: ${KEYFILL_MAINTAINER:-The keyfill maintainers}
Section: admin
Priority: optional
Installed-Size: $(du -sk --exclude=DEBIAN "$work" | cut -f1)
Description: renders Kubernetes manifests and fills secrets from a store
 Renders kustomizations, Helm charts and plain YAML with the bytes of the
 official tools, fills placeholders from a secret store, and prints YAML.
CONTROL
find "$work" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$work" "$dist/keyfill_${version}_$architecture.deb"
