"""What the tests of deploy/ start and ask: programs, a real Vault, HTTP."""

import json
import os
import shutil
import subprocess
import unittest
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEYFILL = None
TOKEN = "root-token-of-the-test"


def program(name):
    """A program of the official tools, or of the path; the test is left out without it."""
    oracles = Path(os.environ.get("KEYFILL_ORACLES", ROOT / "target/oracles"))
    found = oracles / name if (oracles / name).exists() else shutil.which(name)
    if not found:
        raise unittest.SkipTest(f"{name} is not there")
    return str(found)


def run(*command, **more):
    """Runs a command; its output on stdout. A failure shows what it said."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=120, **more)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def ask(url, method="GET", body=None, headers=None):
    """A request; its answer as text."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


class Vault:
    """A real Vault in memory, with secret/ as kv version 2."""

    def __init__(self, folder):
        self.process = subprocess.Popen(
            [program("vault-dev"), "-addr", "127.0.0.1:0", "-control", "127.0.0.1:0", "-token", TOKEN, "-dir", folder,
             "-with-stdin"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        addresses = {}
        for line in self.process.stdout:
            if line.strip() == "ready":
                break
            name, _, address = line.strip().partition(" ")
            addresses[name] = address
        self.address = f"http://{addresses['http']}"
        self.control = f"http://{addresses['control']}"

    def api(self, method, path, body=None):
        """A request as root."""
        text = ask(f"{self.address}/v1/{path}", method, body, {"X-Vault-Token": TOKEN})
        return json.loads(text) if text else {}

    def stop(self):
        """Ends it."""
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def files_of(page):
    """The files that a page shows: each is a code block behind the line `<!-- file: NAME -->`."""
    found, name, lines = {}, None, None
    for line in (ROOT / page).read_text().split("\n"):
        if line.startswith("<!-- file: "):
            name = line.removeprefix("<!-- file: ").removesuffix(" -->")
        elif name and line.startswith("```"):
            if lines is None:
                lines = []
                continue
            found[name], name, lines = "\n".join(lines) + "\n", None, None
        elif lines is not None:
            lines.append(line)
    return found
