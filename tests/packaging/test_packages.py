"""Packages are installed into fresh places, and work there."""

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import unittest
from pathlib import Path

import place


class Wheel(place.Fresh):
    def wheel(self):
        return Path(self.make("wheel.sh").strip().splitlines()[-1])

    def install(self, *what):
        """A fresh virtual environment that knows the wheel's folder and no index."""
        place.run(sys.executable, "-m", "venv", self.folder / "venv")
        place.run(self.folder / "venv/bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check",
                  "--no-index", "--find-links", self.dist, *what)
        return self.folder / "venv/bin/keyfill"

    def test_a_wheel_in_a_fresh_environment_runs_the_quick_start(self):
        self.wheel()
        begin = time.monotonic()
        keyfill = self.install(f"keyfill=={place.version()}")
        self.quick_start(keyfill)
        print(f"from an empty folder to the first output: {time.monotonic() - begin:.1f} s", file=sys.stderr)

    def test_the_same_binary_gives_the_same_wheel(self):
        first = self.wheel().read_bytes()
        self.assertEqual(first, self.wheel().read_bytes())

    def test_a_wheel_for_every_linux_takes_a_static_binary_only(self):
        if b"/ld-" not in self.binary.read_bytes()[:4096]:
            self.skipTest("the given binary is static")
        target = place.TARGET.replace("-gnu", "-musl")
        with self.assertRaisesRegex(AssertionError, "is not static"):
            self.make("wheel.sh", target=target)

    def test_the_hook_for_pre_commit_asks_for_this_version(self):
        text = (place.ROOT / "pyproject.toml").read_text()
        self.assertIn(f'"keyfill=={place.version()}"', text)
        self.assertIn(f'version = "{place.version()}"', text)


class PreCommit(place.Fresh):
    def test_the_hook_is_installed_from_a_wheel_and_finds_a_mistake(self):
        pre_commit = place.program("pre-commit")
        self.make("wheel.sh")
        hooks, app = self.folder / "hooks", self.folder / "app"
        hooks.mkdir()
        app.mkdir()
        for name in (".pre-commit-hooks.yaml", "pyproject.toml", "README.md"):
            shutil.copy(place.ROOT / name, hooks)
        good = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: <path:kv/data/a#b>}\n"
        (app / "a.yaml").write_text(good)
        env = os.environ | {"PIP_FIND_LINKS": str(self.dist), "PRE_COMMIT_HOME": str(self.folder / "cache"),
                            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a",
                            "GIT_COMMITTER_EMAIL": "a", "HOME": str(self.folder)}
        for repository in (hooks, app):
            place.run("git", "init", "-q", cwd=repository)
            place.run("git", "add", ".", cwd=repository)
            place.run("git", "commit", "-qm", "all", cwd=repository, env=env)
        hook = [pre_commit, "try-repo", hooks, "keyfill", "--all-files"]
        said = place.run(*hook, cwd=app, env=env)
        self.assertIn("keyfill check", said)
        (app / "a.yaml").write_text(good.replace("#b>", "#b | nosuch>"))
        said = place.run(*hook, cwd=app, env=env, code=1)
        self.assertIn("nosuch", said)


class Npm(place.Fresh):
    def test_a_fresh_prefix_runs_the_quick_start(self):
        npm = place.program("npm")
        made = [Path(line) for line in self.make("npm.sh").split()]
        # The package with the binary is asked for by name and version; here both lie side by side.
        place.run(npm, "install", "--silent", "--prefix", self.folder, "--omit=optional", *made)
        keyfill = self.folder / "node_modules/.bin/keyfill"
        self.quick_start(keyfill)
        self.assertEqual(subprocess.run([keyfill, "render", "/nowhere"], capture_output=True).returncode,
                         subprocess.run([self.binary, "render", "/nowhere"], capture_output=True).returncode)

    def test_without_the_binary_it_says_which_package_is_missing(self):
        npm = place.program("npm")
        alone = next(Path(line) for line in self.make("npm.sh").split() if re.search(r"/keyfill-\d", line))
        place.run(npm, "install", "--silent", "--prefix", self.folder, "--omit=optional", "--offline", alone)
        done = subprocess.run([self.folder / "node_modules/.bin/keyfill", "version"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "error: the package keyfill-linux-.* is not installed")

    def test_the_package_asks_for_each_platform_in_its_own_version(self):
        place.program("npm")
        alone = next(Path(line) for line in self.make("npm.sh").split() if re.search(r"/keyfill-\d", line))
        with tarfile.open(alone) as archive:
            manifest = json.load(archive.extractfile("package/package.json"))
        self.assertEqual(set(manifest["optionalDependencies"].values()), {place.version()})
        self.assertIn("keyfill-darwin-arm64", manifest["optionalDependencies"])


class System(place.Fresh):
    def test_the_archive_holds_binary_completions_and_pages(self):
        out = Path(self.make("archive.sh").strip().splitlines()[-1])
        place.run("tar", "-xzf", out, "-C", self.folder, "--strip-components=1")
        self.quick_start(self.folder / "keyfill")
        for name in ("LICENSE", "completions/_keyfill", "completions/keyfill.bash", "man/keyfill.1",
                     "man/keyfill-serve.1"):
            self.assertGreater((self.folder / name).stat().st_size, 100, name)
        before = out.read_bytes()
        self.make("archive.sh")
        self.assertEqual(before, out.read_bytes())

    def test_the_debian_package_holds_a_program_that_works(self):
        dpkg = place.program("dpkg-deb")
        self.make("deb.sh")
        package = next(self.dist.glob("*.deb"))
        self.assertEqual(place.run(dpkg, "--field", package, "Version").strip(), place.version())
        self.assertEqual(place.run(dpkg, "--field", package, "Depends").strip(), "")
        place.run(dpkg, "--extract", package, self.folder)
        self.quick_start(self.folder / "usr/bin/keyfill")
        self.assertTrue((self.folder / "usr/share/man/man1/keyfill-check.1.gz").exists())

    def test_the_rpm_package_holds_a_program_that_works(self):
        rpm = place.program("rpm")
        place.program("rpmbuild")
        self.make("rpm.sh")
        package = next(self.dist.glob("*.rpm"))
        said = place.run(rpm, "-qp", "--qf", "%{NAME} %{VERSION} %{LICENSE}", package)
        self.assertEqual(said, f"keyfill {place.version()} Apache-2.0")
        shutil.copy(package, self.folder / "a.rpm")
        place.run(place.program("rpm2archive"), "a.rpm", cwd=self.folder)
        place.run("tar", "-xzf", "a.rpm.tgz", cwd=self.folder)
        self.quick_start(self.folder / "usr/bin/keyfill")


if __name__ == "__main__":
    unittest.main()
