"""Packs a binary with its licence, pages and completions: archive.py BINARY TARGET FOLDER.

The archive's bytes depend on its files alone.
"""

import gzip
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

from targets import ROOT, check_static, target, version

SHELLS = {"bash": "keyfill.bash", "zsh": "_keyfill", "fish": "keyfill.fish"}
PAGES = ["keyfill", "generate", "render", "check", "discover", "serve", "settings"]


def files(binary, for_target, runs):
    """Names and contents. A binary of another platform does not run here: its archive has no pages."""
    found = {for_target.program: binary.read_bytes()}
    for name in ("LICENSE", "README.md", "CHANGELOG.md"):
        found[name] = (ROOT / name).read_bytes()
    if not runs:
        return found

    def say(*words):
        return subprocess.run([binary, *words], check=True, capture_output=True).stdout

    for shell, name in SHELLS.items():
        found[f"completions/{name}"] = say("completions", shell)
    for page in PAGES:
        name, words = ("keyfill.1", []) if page == "keyfill" else (f"keyfill-{page}.1", [page])
        found[f"man/{name}"] = say("man", *words)
    return found


def does_run(binary):
    """Whether this machine can start the binary."""
    try:
        return subprocess.run([binary, "version"], capture_output=True).returncode == 0
    except OSError:
        return False


def main(binary, triple, folder):
    check_static(binary, triple)
    binary, for_target = Path(binary).resolve(), target(triple)
    name = f"keyfill-{version()}-{triple}"
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path, content in sorted(files(binary, for_target, does_run(binary)).items()):
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size = len(content)
            entry.mode = 0o755 if path == for_target.program else 0o644
            entry.mtime = int(os.environ["SOURCE_DATE_EPOCH"])
            archive.addfile(entry, io.BytesIO(content))
    out = Path(folder) / f"{name}.tar.gz"
    out.write_bytes(gzip.compress(raw.getvalue(), 9, mtime=0))
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
