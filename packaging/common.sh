# What the scripts here begin with. They take: [BINARY [TARGET]]. Without a binary they build one.
# shellcheck shell=bash
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Dates inside packages: of the commit, so that the same commit gives the same bytes.
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct 2>/dev/null || echo 1)}"
export SOURCE_DATE_EPOCH
target=${2:-x86_64-unknown-linux-musl}
binary=${1:-}
dist=${KEYFILL_DIST:-$PWD/dist}
mkdir -p "$dist"
# shellcheck disable=SC2034 # some scripts use it
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -1)
if [ -z "$binary" ]; then
  packaging/build.sh "$target"
  binary=target/$target/release/keyfill
fi
