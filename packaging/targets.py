"""The platforms that releases are built for, and how each kind of package names them."""

import struct
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Target:
    """A platform. A field is None where that kind of package has no such platform."""

    triple: str
    # A static binary needs no C library: one wheel is for every Linux.
    wheel: str
    npm_os: str
    npm_cpu: str
    deb: str | None = None
    rpm: str | None = None
    krew: tuple[str, str] | None = None
    homebrew: tuple[str, str] | None = None

    @property
    def program(self):
        """The binary's file name."""
        return "keyfill.exe" if self.npm_os == "win32" else "keyfill"


TARGETS = [
    Target("x86_64-unknown-linux-musl", "manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64", "linux",
           "x64", "amd64", "x86_64", ("linux", "amd64"), ("linux", "intel")),
    Target("aarch64-unknown-linux-musl", "manylinux_2_17_aarch64.manylinux2014_aarch64.musllinux_1_1_aarch64", "linux",
           "arm64", "arm64", "aarch64", ("linux", "arm64"), ("linux", "arm")),
    Target("x86_64-apple-darwin", "macosx_10_12_x86_64", "darwin", "x64", None, None, ("darwin", "amd64"),
           ("macos", "intel")),
    Target("aarch64-apple-darwin", "macosx_11_0_arm64", "darwin", "arm64", None, None, ("darwin", "arm64"),
           ("macos", "arm")),
    Target("x86_64-pc-windows-msvc", "win_amd64", "win32", "x64", None, None, ("windows", "amd64"), None),
]

# For trying out what this machine builds by itself: no release has them.
LOCAL = [
    Target("x86_64-unknown-linux-gnu", "linux_x86_64", "linux", "x64", "amd64", "x86_64"),
    Target("aarch64-unknown-linux-gnu", "linux_aarch64", "linux", "arm64", "arm64", "aarch64"),
]


def target(triple):
    """The platform of a triple."""
    for one in TARGETS + LOCAL:
        if one.triple == triple:
            return one
    sys.exit(f"{triple} is no target of a release: {', '.join(t.triple for t in TARGETS)}")


def check_static(binary, triple):
    """Refuses a binary that needs a C library in a package that promises to need none."""
    content = Path(binary).read_bytes()
    if not triple.endswith("-musl") or content[:4] != b"\x7fELF":
        return
    offset, size, count = (struct.unpack_from("<Q", content, 32)[0], *struct.unpack_from("<HH", content, 54))
    asks_for_a_loader = 3
    for at in range(count):
        if struct.unpack_from("<I", content, offset + at * size)[0] == asks_for_a_loader:
            sys.exit(f"{binary} is not static: packages for {triple} must run without a C library")


def version():
    """The version in Cargo.toml."""
    for line in (ROOT / "Cargo.toml").read_text().splitlines():
        if line.startswith("version = "):
            return line.split('"')[1]
    sys.exit("Cargo.toml has no version")


DESCRIPTION = "Renders kustomizations and Helm charts and fills placeholders from a secret store, for Argo CD and CI"
LICENSE = "Apache-2.0"
