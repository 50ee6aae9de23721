#!/usr/bin/env python3
"""keyfill serve in a real Argo CD: python3 tests/argocd/run.py PATH-OF-KEYFILL [TEST ...]

A whole cluster is started once (cluster.py) and ends with the run. Programs that are not there are said on stderr
("left out: ..."); with KEYFILL_TEST_REQUIRE=all they fail the run, and the Go programs are built (minutes, once).
KEYFILL_TEST_KEEP=1 keeps the folder with the logs of all processes.
"""

import sys
import unittest
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "deploy")]

import place  # noqa: E402
import programs  # noqa: E402
import world  # noqa: E402

TESTS = ["test_apps", "test_guards", "test_hydrator", "test_restarts", "test_many", "test_fetched", "test_applied"]


def main():
    world.KEYFILL = Path(sys.argv[1]).resolve(strict=True)
    suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[2:] or TESTS)
    try:
        result = unittest.TextTestRunner(verbosity=2).run(suite)
    finally:
        place.stop()
    for _, why in result.skipped:
        print(f"left out: {why}", file=sys.stderr)
    failed = len(result.failures) + len(result.errors)
    if programs.all_required():
        failed += len(result.skipped)
    passed = result.testsRun - len(result.failures) - len(result.errors) - len(result.skipped)
    print(f"{max(passed, 0)} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or not (result.testsRun or result.skipped) else 0


if __name__ == "__main__":
    sys.exit(main())
