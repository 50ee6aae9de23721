#!/usr/bin/env python3
"""Tests of deploy/: python3 tests/deploy/run.py PATH-OF-KEYFILL [TEST ...]

Programs that are not there are said on stderr ("left out: ..."); with KEYFILL_TEST_REQUIRE=all they fail the run, but
for terraform, which no package registry has.
Everything listens on loopback addresses and ends with the run.
"""

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import world  # noqa: E402


def main():
    world.KEYFILL = Path(sys.argv[1]).resolve(strict=True)
    names = sys.argv[2:] or ["test_manifests", "test_vault", "test_monitoring", "test_traces"]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    for _, why in result.skipped:
        print(f"left out: {why}", file=sys.stderr)
    failed = len(result.failures) + len(result.errors)
    if os.environ.get("KEYFILL_TEST_REQUIRE") == "all":
        failed += sum("terraform" not in why for _, why in result.skipped)
    passed = result.testsRun - len(result.failures) - len(result.errors) - len(result.skipped)
    print(f"{passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
