#!/usr/bin/env python3
"""A preprocessor of mdBook: links to files outside of docs/ lead to the repository, whose URL is in Cargo.toml."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = re.compile(r"\]\(\.\./([^()\s]+)\)")


def repository():
    """The URL in Cargo.toml."""
    return re.search(r'^repository = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[1]


def rewrite(value, url):
    """Rewrites the text of each chapter, wherever it lies in the book."""
    if isinstance(value, list):
        return [rewrite(one, url) for one in value]
    if isinstance(value, dict):
        return {key: OUTSIDE.sub(rf"]({url}/blob/HEAD/\1)", one) if key == "content" and isinstance(one, str)
                else rewrite(one, url) for key, one in value.items()}
    return value


if __name__ == "__main__":
    if sys.argv[1:2] == ["supports"]:
        sys.exit(0)
    _, book = json.load(sys.stdin)
    json.dump(rewrite(book, repository()), sys.stdout)
