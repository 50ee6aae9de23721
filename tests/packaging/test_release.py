"""What a release says of itself: bill of materials, formula, plugin manifest, release text."""

import hashlib
import json
import os
import shutil
import unittest
from pathlib import Path

import place

try:
    import yaml
except ImportError:
    raise unittest.SkipTest("PyYAML is not there") from None


class Release(place.Fresh):
    def test_the_bill_of_materials_is_valid_and_holds_what_is_linked(self):
        try:
            from cyclonedx.schema import SchemaVersion
            from cyclonedx.validation.json import JsonStrictValidator
        except ImportError:
            self.skipTest("cyclonedx-python-lib is not there")
        env = os.environ | {"KEYFILL_DIST": str(self.folder)}
        out = Path(place.run(place.ROOT / "packaging/sbom.sh", place.TARGET, env=env).strip())
        text = out.read_text()
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text))
        bill = json.loads(text)
        names = {c["name"] for c in bill["components"]}
        self.assertLessEqual({"tokio", "rustls", "ring", "keyfill-secrets", "mimalloc"}, names)
        self.assertFalse({"criterion", "proptest", "keyfill-testkit", "protox"} & names)
        self.assertEqual([c["name"] for c in bill["components"] if not c.get("licenses")], [])
        self.assertEqual(bill["metadata"]["component"]["version"], place.version())

    def archives(self):
        """Archives of two platforms; what is in them does not matter."""
        for triple in ("x86_64-unknown-linux-musl", "aarch64-apple-darwin"):
            Path(self.folder, f"keyfill-{place.version()}-{triple}.tar.gz").write_bytes(triple.encode())
        place.run(place.ROOT / "packaging/manifests.sh", "https://git.example.com/files", "https://git.example.com",
                  env=os.environ | {"KEYFILL_DIST": str(self.folder)})
        return hashlib.sha256(b"x86_64-unknown-linux-musl").hexdigest()

    def test_the_krew_manifest_names_each_archive_with_its_checksum(self):
        checksum = self.archives()
        plugin = yaml.safe_load((self.folder / "keyfill.yaml").read_text())
        self.assertEqual(plugin["spec"]["version"], f"v{place.version()}")
        self.assertEqual(len(plugin["spec"]["platforms"]), 2)
        linux = plugin["spec"]["platforms"][0]
        self.assertEqual(linux["selector"]["matchLabels"], {"os": "linux", "arch": "amd64"})
        self.assertEqual(linux["sha256"], checksum)
        self.assertEqual(linux["bin"], "keyfill")

    def test_the_formula_names_each_archive_with_its_checksum(self):
        checksum = self.archives()
        text = (self.folder / "keyfill.rb").read_text()
        self.assertIn(f'sha256 "{checksum}"', text)
        self.assertIn("on_macos do\n    on_arm do", text)
        if ruby := shutil.which("ruby"):
            place.run(ruby, "-c", self.folder / "keyfill.rb")

    def test_the_release_text_is_the_changelogs_section(self):
        text = place.run(place.ROOT / "packaging/changelog.sh", place.version())
        self.assertTrue(text.startswith("- "), text[:80])
        self.assertNotIn("\n## ", text)
        with self.assertRaisesRegex(AssertionError, "CHANGELOG.md has no section 9.9.9"):
            place.run(place.ROOT / "packaging/changelog.sh", "9.9.9")


if __name__ == "__main__":
    unittest.main()
