"""A CycloneDX bill of materials from the output of `cargo metadata` on stdin: sbom.py TARGET FOLDER.

It holds what is linked into the binary, with licences and the checksums of Cargo.lock. What only builds or tests need
is left out. The same sources give the same bytes: there is no date and no serial number.
"""

import json
import sys
import tomllib
from pathlib import Path

from targets import ROOT, version


def linked(metadata):
    """The ids of the packages that the binary is linked from, with what each depends on."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    found, todo = {}, [root]
    while todo:
        one = todo.pop()
        if one in found:
            continue
        found[one] = sorted(dep["pkg"] for dep in nodes[one]["deps"]
                            if any(kind["kind"] is None for kind in dep["dep_kinds"]))
        todo += found[one]
    return root, found


def reference(package):
    """The package's URL, which names it in the bill."""
    return f"pkg:cargo/{package['name']}@{package['version']}"


def component(package, checksums):
    """One entry of the bill."""
    entry = {"type": "library", "bom-ref": reference(package), "name": package["name"],
             "version": package["version"], "purl": reference(package)}
    if package["license"]:
        # Old packages write "MIT/Apache-2.0" for an "or".
        entry["licenses"] = [{"expression": package["license"].replace("/", " OR ")}]
    if checksum := checksums.get((package["name"], package["version"])):
        entry["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    return entry


def main(triple, folder):
    metadata = json.load(sys.stdin)
    packages = {package["id"]: package for package in metadata["packages"]}
    lock = tomllib.loads((ROOT / "Cargo.lock").read_text())
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}
    root, found = linked(metadata)
    this = component(packages[root], checksums) | {"type": "application"}
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": this, "properties": [{"name": "keyfill:target", "value": triple}]},
        "components": sorted((component(packages[one], checksums) for one in found if one != root),
                             key=lambda c: c["bom-ref"]),
        "dependencies": sorted(({"ref": reference(packages[one]),
                                 "dependsOn": sorted(reference(packages[dep]) for dep in deps)}
                                for one, deps in found.items()), key=lambda d: d["ref"]),
    }
    out = Path(folder, f"keyfill-{version()}-{triple}.cdx.json")
    out.write_text(json.dumps(bill, indent=2) + "\n")
    print(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
