"""What the tests of packaging/ share."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEYFILL = None
# What this machine builds by itself.
TARGET = f"{platform.machine()}-unknown-linux-gnu"


def program(name):
    """A program of the path, or one of the official tools; the test is left out without it."""
    oracles = Path(os.environ.get("KEYFILL_ORACLES", ROOT / "target/oracles"))
    found = oracles / name if (oracles / name).exists() else shutil.which(name)
    if not found:
        raise unittest.SkipTest(f"{name} is not there")
    return str(found)


def run(*command, code=0, **more):
    """Runs a command; its output on stdout. Another exit code than expected shows what it said."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300, **more)
    if done.returncode != code:
        raise AssertionError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def version():
    """The version in Cargo.toml."""
    return re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]


def block(name):
    """A code block of the README, by the comment before it."""
    text = (ROOT / "README.md").read_text().split(f"<!-- {name} -->", 1)[1]
    return re.search(r"```\w*\n(.*?)```", text, re.S)[1]


class Fresh(unittest.TestCase):
    """A test with a folder of its own, and a binary without its tables for debuggers."""

    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.dist = Path(cls.shared.name, "dist")
        cls.binary = Path(cls.shared.name, "keyfill")
        shutil.copy(KEYFILL, cls.binary)
        if strip := shutil.which("strip"):
            subprocess.run([strip, cls.binary], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def make(self, script, binary=None, target=TARGET, **more):
        """Runs a script of packaging/."""
        env = os.environ | {"KEYFILL_DIST": str(self.dist), "SOURCE_DATE_EPOCH": "1700000000"}
        return run(ROOT / "packaging" / script, binary or self.binary, target, env=env, **more)

    def quick_start(self, keyfill):
        """Runs the README's first command with an installed keyfill."""
        command = block("quick-start").replace("cargo run --release -q --", str(keyfill))
        self.assertEqual(run("bash", "-c", command, cwd=ROOT), block("quick-start-output"))
