"""Packs a binary as a wheel: wheel.py BINARY TARGET FOLDER.

A wheel is made from the very binary of the release, so that all channels carry the same bytes. A build backend such as
maturin would compile it anew for each platform tag; a static binary needs one wheel for glibc and musl.
"""

import base64
import hashlib
import os
import sys
import time
import zipfile
from pathlib import Path

from targets import DESCRIPTION, LICENSE, ROOT, check_static, target, version

METADATA = """\
Metadata-Version: 2.3
Name: keyfill
Version: {version}
Summary: {summary}
License-Expression: {license}
Classifier: Environment :: Console
Classifier: Topic :: System :: Systems Administration
Requires-Python: >=3.7
Description-Content-Type: text/markdown

{description}"""

WHEEL = """\
Wheel-Version: 1.0
Generator: keyfill packaging/wheel.py
Root-Is-Purelib: false
{tags}
"""


def contents(binary, for_target):
    """Names, contents and modes, without the record."""
    name = f"keyfill-{version()}"
    metadata = METADATA.format(version=version(), summary=DESCRIPTION, license=LICENSE,
                               description=(ROOT / "README.md").read_text())
    tags = "\n".join(f"Tag: py3-none-{platform}" for platform in for_target.wheel.split("."))
    return [
        (f"{name}.data/scripts/{for_target.program}", binary.read_bytes(), 0o755),
        (f"{name}.dist-info/METADATA", metadata.encode(), 0o644),
        (f"{name}.dist-info/WHEEL", WHEEL.format(tags=tags).encode(), 0o644),
        (f"{name}.dist-info/licenses/LICENSE", (ROOT / "LICENSE").read_bytes(), 0o644),
    ]


def main(binary, triple, folder):
    check_static(binary, triple)
    for_target = target(triple)
    # Zip knows no date before 1980.
    date = time.gmtime(max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800))[:6]
    out = Path(folder) / f"keyfill-{version()}-py3-none-{for_target.wheel}.whl"
    record = []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        def add(name, content, mode):
            entry = zipfile.ZipInfo(name, date)
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, content)

        for name, content, mode in contents(Path(binary), for_target):
            add(name, content, mode)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(content)}")
        listing = f"keyfill-{version()}.dist-info/RECORD"
        add(listing, ("\n".join([*record, f"{listing},,"]) + "\n").encode(), 0o644)
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
