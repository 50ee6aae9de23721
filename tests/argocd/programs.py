"""The programs of the test set: Debian's, and those that Go builds from tests/oracles/cluster."""

import json
import os
import shutil
import subprocess
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ORACLES = Path(os.environ.get("KEYFILL_ORACLES", ROOT / "target/oracles"))
MODULE = ROOT / "tests/oracles/cluster"
# The Go that Argo CD is written for; Go fetches it as it fetches modules.
GO = {**os.environ, "GOTOOLCHAIN": "go1.27.0"}
# Prometheus' operator: the definitions of ServiceMonitor and PrometheusRule.
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"


def all_required():
    """Whether no test may be left out."""
    return os.environ.get("KEYFILL_TEST_REQUIRE") == "all"


def built(name):
    """A server that Go builds: `argo-cd` or `kube-apiserver`. It is built where all tests are required."""
    program = ORACLES / name
    sources = [*MODULE.glob("go.*"), *(MODULE / name).iterdir()]
    if program.exists() and all(s.stat().st_mtime <= program.stat().st_mtime for s in sources):
        return str(program)
    if not all_required():
        raise unittest.SkipTest(f"{name} is not there; with KEYFILL_TEST_REQUIRE=all it is built")
    ORACLES.mkdir(parents=True, exist_ok=True)
    subprocess.run(["go", "build", "-o", program, f"./{name}"], cwd=MODULE, env=GO, check=True)
    return str(program)


def installed(name):
    """A program of the path, or one among the oracles."""
    found = ORACLES / name if (ORACLES / name).exists() else shutil.which(name)
    if not found:
        raise unittest.SkipTest(f"{name} is not there")
    return str(found)


def argo_cd():
    """The folder of Argo CD's sources: its definitions and manifests lie there."""
    done = subprocess.run(["go", "list", "-m", "-json", "github.com/argoproj/argo-cd/v3"], cwd=MODULE, env=GO,
                          capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"])


def operator():
    """The folder of the sources of Prometheus' operator."""
    done = subprocess.run(["go", "mod", "download", "-json", OPERATOR], cwd=MODULE, env=GO,
                          capture_output=True, text=True, check=True)
    return Path(json.loads(done.stdout)["Dir"])
