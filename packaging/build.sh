#!/usr/bin/env bash
# Builds the release binary of a target, static where the target is musl:
#   packaging/build.sh [TARGET]
# The same commit gives the same bytes: paths of this machine are taken out, and nothing asks for the time.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:-x86_64-unknown-linux-musl}
# No symbols: up to a quarter of the size, of use to a debugger only.
export CARGO_PROFILE_RELEASE_STRIP=symbols
cargo_home=${CARGO_HOME:-$HOME/.cargo}
flags="--remap-path-prefix=$PWD=/keyfill --remap-path-prefix=$cargo_home=/cargo"
# C code of dependencies (the allocator, ring) is built with the same rule.
export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$PWD=/keyfill -ffile-prefix-map=$cargo_home=/cargo"
case $target in *-msvc) unset CFLAGS ;; esac
RUSTFLAGS="${RUSTFLAGS:-} $flags" cargo build --release --locked --bin keyfill --target "$target"
