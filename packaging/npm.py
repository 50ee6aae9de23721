"""Packs a binary for npm: npm.py BINARY TARGET FOLDER.

npm installs, of the optional dependencies, the one whose "os" and "cpu" fit: no script runs at installation.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from targets import DESCRIPTION, LICENSE, ROOT, TARGETS, check_static, target, version


def package(one):
    """The name of a platform's package."""
    return f"keyfill-{one.npm_os}-{one.npm_cpu}"


def pack(folder, manifest, out):
    """Writes the manifest and runs npm pack."""
    shutil.copy(ROOT / "LICENSE", folder)
    Path(folder, "package.json").write_text(json.dumps(manifest, indent=2) + "\n")
    done = subprocess.run(["npm", "pack", "--silent", "--pack-destination", out], cwd=folder, check=True,
                          capture_output=True, text=True)
    print(Path(out, done.stdout.strip()))


def main(binary, triple, out):
    check_static(binary, triple)
    one = target(triple)
    Path(out).mkdir(parents=True, exist_ok=True)
    shared = {"version": version(), "description": DESCRIPTION, "license": LICENSE}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "bin").mkdir()
        shutil.copy(binary, Path(folder, "bin", one.program))
        Path(folder, "bin", one.program).chmod(0o755)
        pack(folder, {"name": package(one), **shared, "os": [one.npm_os], "cpu": [one.npm_cpu], "files": ["bin"],
                      "preferUnplugged": True}, out)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "packaging/npm", folder, dirs_exist_ok=True)
        shutil.copy(ROOT / "README.md", folder)
        pack(folder, {"name": "keyfill", **shared, "bin": {"keyfill": "keyfill.js"}, "files": ["keyfill.js"],
                      "engines": {"node": ">=18"},
                      "optionalDependencies": {package(t): version() for t in TARGETS}}, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
