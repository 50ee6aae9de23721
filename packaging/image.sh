#!/usr/bin/env bash
# The files of the image "static" as a folder, without a container engine: the steps of the Dockerfile's last stages.
#   packaging/image.sh [BINARY [FOLDER]]  leaves FOLDER, dist/image unless it is named, and says its size
# Where it runs: a read-only root, uid 999, and the mounts of deploy/repo-server-serve.yaml.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
binary=${1:-}
root=${2:-$here/dist/image}
if [ -z "$binary" ]; then
  "$here/packaging/build.sh" x86_64-unknown-linux-musl
  binary=$here/target/x86_64-unknown-linux-musl/release/keyfill
fi
rm -rf "$root"
install -D -m 755 "$binary" "$root/usr/local/bin/keyfill"
ln -s keyfill "$root/usr/local/bin/argocd-vault-plugin"
ln -s keyfill "$root/usr/local/bin/argocd-cmp-server"
install -D -m 644 "$here/plugin.yaml" "$root/home/argocd/cmp-server/config/plugin.yaml"
# For a Vault whose certificate a public authority signed.
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
install -D -m 644 "$certificates" "$root/etc/ssl/certs/ca-certificates.crt"
echo "$root: $(du -sb "$root" | cut -f1) bytes"
