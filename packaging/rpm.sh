#!/usr/bin/env bash
# An RPM package of a static binary: it requires nothing.
#   packaging/rpm.sh [BINARY [TARGET]]  leaves dist/keyfill-VERSION-1.ARCHITECTURE.rpm
# shellcheck source=packaging/common.sh
. "$(dirname "$0")/common.sh"
case $target in
*-linux-*) architecture=${target%%-*} ;;
*) echo "there is no RPM package for $target" >&2; exit 2 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
packaging/tree.sh "$binary" "$target" "$work/tree"
(cd "$work/tree" && find . -type f -o -type l | sed 's/^\.//') > "$work/files"
cat > "$work/keyfill.spec" <<SPEC
Name: keyfill
Version: $version
Release: 1
Summary: Renders Kubernetes manifests and fills secrets from a store
License: Apache-2.0
AutoReqProv: no
%description
Renders kustomizations, Helm charts and plain YAML with the bytes of the official tools, fills placeholders from a
secret store, and prints YAML.
%install
cp -a $work/tree/. %{buildroot}
%files -f $work/files
%defattr(-,root,root)
SPEC
# The binary is taken as it is: not stripped, no pages compressed anew.
rpmbuild --quiet -bb --target "$architecture" --define "_topdir $work/rpm" --define "_rpmdir $work/out" \
  --define "__os_install_post %{nil}" --define "debug_package %{nil}" --define "_buildhost keyfill" \
  --define "use_source_date_epoch_as_buildtime 1" --define "clamp_mtime_to_source_date_epoch 1" "$work/keyfill.spec"
cp "$work/out/$architecture/"*.rpm "$dist/"
