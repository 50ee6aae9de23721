#!/usr/bin/env bash
# Lays out the files of a system package: packaging/tree.sh BINARY TARGET FOLDER
set -euo pipefail
cd "$(dirname "$0")/.."
binary=$(realpath "$1") target=$2 folder=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 packaging/archive.py "$binary" "$target" "$work" > /dev/null
tar -xzf "$work"/*.tar.gz -C "$work" --strip-components=1
install -D -m 755 "$work/keyfill" "$folder/usr/bin/keyfill"
install -D -m 644 "$work/LICENSE" "$folder/usr/share/doc/keyfill/copyright"
if [ -d "$work/man" ]; then
  install -D -m 644 "$work/completions/keyfill.bash" "$folder/usr/share/bash-completion/completions/keyfill"
  install -D -m 644 "$work/completions/_keyfill" "$folder/usr/share/zsh/vendor-completions/_keyfill"
  install -D -m 644 "$work/completions/keyfill.fish" "$folder/usr/share/fish/vendor_completions.d/keyfill.fish"
  for page in "$work"/man/*.1; do
    mkdir -p "$folder/usr/share/man/man1"
    gzip -9nc "$page" > "$folder/usr/share/man/man1/$(basename "$page").gz"
  done
fi
chmod -R u=rwX,go=rX "$folder"
