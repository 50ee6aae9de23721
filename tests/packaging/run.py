#!/usr/bin/env python3
"""Tests of packaging/ and of the CI pieces: python3 tests/packaging/run.py PATH-OF-KEYFILL [TEST ...]

Packages are made from the given binary and installed into fresh places; the README's quick start runs from each.
Programs that are not there are said on stderr ("left out: ..."); with KEYFILL_TEST_REQUIRE=all they fail the run.
"""

import os
import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import place  # noqa: E402


def main():
    place.KEYFILL = Path(sys.argv[1]).resolve(strict=True)
    names = sys.argv[2:] or ["test_reports", "test_workflows", "test_packages", "test_image", "test_release"]
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    for _, why in result.skipped:
        print(f"left out: {why}", file=sys.stderr)
    failed = len(result.failures) + len(result.errors)
    if os.environ.get("KEYFILL_TEST_REQUIRE") == "all":
        failed += len(result.skipped)
    passed = result.testsRun - len(result.failures) - len(result.errors) - len(result.skipped)
    print(f"{passed} passed, {failed} failed, {len(result.skipped)} skipped")
    return 1 if failed or not result.testsRun else 0


if __name__ == "__main__":
    sys.exit(main())
