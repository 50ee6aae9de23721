#!/usr/bin/env bash
# Builds the binary of a target twice, from two copies of the sources in two folders, and compares the bytes:
#   packaging/reproducible.sh [TARGET]
# It takes as long as two release builds.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-x86_64-unknown-linux-musl}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for copy in one/keyfill another-place/keyfill; do
  mkdir -p "$work/$copy"
  git archive HEAD | tar -x -C "$work/$copy"
  (cd "$work/$copy" && CARGO_TARGET_DIR=target packaging/build.sh "$target")
done
sha256sum "$work"/*/keyfill/target/"$target"/release/keyfill
if ! cmp "$work/one/keyfill/target/$target/release/keyfill" "$work/another-place/keyfill/target/$target/release/keyfill"; then
  echo "two builds of one commit differ" >&2
  exit 1
fi
echo "two builds of one commit are the same"
