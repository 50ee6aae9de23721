"""What `keyfill check` prints for machines, against the rules of those machines."""

import json
import os
import re
import shutil
import tarfile
import unittest
from pathlib import Path

import place

BAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a: <path:kv/data/a#b | nosuch>\n  c: 1, 2%\n"
# The schema comes in a package of npm; it is no part of this repository.
SCHEMA = ("@microsoft/jest-sarif@1.0.0-beta.0", "package/lib/schemas/sarif-2.1.0-rtm.5.json")
COMMAND = re.compile(r"::(error|warning|notice)( [a-zA-Z]+=[^,\r\n]*(,[a-zA-Z]+=[^,\r\n]*)*)?::[^\r\n]+")


class Reports(place.Fresh):
    def setUp(self):
        super().setUp()
        (self.folder / "bad, %.yaml").write_text(BAD)
        kustomization = self.folder / "app"
        kustomization.mkdir()
        (kustomization / "kustomization.yaml").write_text("resources:\n- missing.yaml\n")

    def check(self, form, code=None):
        code = 3 if code is None else code
        return place.run(place.KEYFILL, "check", "--format", form, cwd=self.folder, code=code)

    def test_sarif_follows_its_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("jsonschema is not there")
        package = place.run(place.program("npm"), "pack", "--silent", SCHEMA[0], cwd=self.folder).strip()
        with tarfile.open(self.folder / package) as archive:
            schema = json.load(archive.extractfile(SCHEMA[1]))
        (self.folder / package).unlink()
        report = json.loads(self.check("sarif"))
        jsonschema.Draft7Validator(schema).validate(report)
        results = report["runs"][0]["results"]
        self.assertEqual(len(results), 2)
        rules = {r["id"] for r in report["runs"][0]["tool"]["driver"]["rules"]}
        self.assertLessEqual({r["ruleId"] for r in results}, rules)
        for result in results:
            place_of = result["locations"][0]["physicalLocation"]
            self.assertGreater(place_of["region"]["startLine"], 0)
            # A URI: a space or a percent sign in a file's name is written with percent signs.
            self.assertRegex(place_of["artifactLocation"]["uri"], r"^([A-Za-z0-9._~/,!$&'()*+;=:@-]|%[0-9A-F]{2})+$")

    def test_sarif_without_problems_follows_its_schema_too(self):
        (self.folder / "bad, %.yaml").unlink()
        shutil.rmtree(self.folder / "app")
        (self.folder / "good.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
        report = json.loads(self.check("sarif", 0))
        self.assertEqual(report["runs"][0]["results"], [])
        self.assertEqual(report["version"], "2.1.0")

    def test_each_line_for_github_is_a_workflow_command(self):
        lines = self.check("github").splitlines()
        self.assertEqual(len(lines), 2)
        for line in lines:
            self.assertRegex(line, f"^{COMMAND.pattern}$")
        named = next(line for line in lines if "nosuch" in line)
        self.assertIn("file=bad%2C %25.yaml,line=5", named)


class Action(place.Fresh):
    def environment(self):
        commands = self.folder / "commands"
        commands.mkdir(exist_ok=True)
        if not (commands / "keyfill").exists():
            (commands / "keyfill").symlink_to(place.KEYFILL)
        return os.environ | {"PATH": f"{commands}:{os.environ['PATH']}", "RUNNER_TEMP": str(self.folder),
                             "GITHUB_PATH": str(self.folder / "path")}

    def test_the_action_installs_the_wheel_of_its_own_version(self):
        self.make("wheel.sh")
        env = self.environment() | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.dist)}
        said = place.run(place.ROOT / "packaging/action/install.sh", env=env)
        self.assertIn(place.version(), said)
        self.quick_start(Path((self.folder / "path").read_text().strip(), "keyfill"))

    def test_the_action_annotates_and_writes_sarif(self):
        (self.folder / "bad.yaml").write_text(BAD)
        (self.folder / "-x.yaml").write_text(BAD)
        env = self.environment() | {"INPUT_PATHS": "bad.yaml\n-x.yaml\n", "INPUT_SARIF_FILE": "out.sarif"}
        with self.assertRaises(AssertionError) as failed:
            place.run(place.ROOT / "packaging/action/check.sh", env=env, cwd=self.folder)
        self.assertEqual(str(failed.exception).count("::error file="), 2)
        self.assertEqual(len(json.loads((self.folder / "out.sarif").read_text())["runs"][0]["results"]), 2)

    def test_inputs_of_the_action_are_words_and_never_script(self):
        (self.folder / "good.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n")
        hostile = f"$(touch {self.folder}/made)\n`touch {self.folder}/made`\n; touch {self.folder}/made\n"
        env = self.environment() | {"INPUT_PATHS": hostile}
        with self.assertRaises(AssertionError):
            place.run(place.ROOT / "packaging/action/check.sh", env=env, cwd=self.folder)
        self.assertFalse((self.folder / "made").exists())
        env["INPUT_PATHS"], env["INPUT_ARGUMENTS"] = "good.yaml", "--exclude=x y"
        place.run(place.ROOT / "packaging/action/check.sh", env=env, cwd=self.folder)

    def test_the_action_writes_what_a_change_does_and_does_not_fail_for_it(self):
        tree = self.folder / "tree"
        tree.mkdir()
        map_of = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {colour: %s}\n"
        def git(*words):
            place.run("git", "-c", "user.name=t", "-c", "user.email=t@example.com", *words, cwd=tree)
        git("init", "--quiet", "--initial-branch=main")
        for colour in ("blue", "green"):
            (tree / "map.yaml").write_text(map_of % colour)
            git("add", "--all")
            git("commit", "--quiet", "--message", colour)
        def diff(base):
            output = self.folder / "output"
            output.write_text("")
            env = self.environment() | {"INPUT_DIFF_BASE": base, "INPUT_DIFF_FILE": "diff.md", "GITHUB_OUTPUT": str(output)}
            place.run(place.ROOT / "packaging/action/diff.sh", env=env, cwd=tree)
            return output.read_text(), (tree / "diff.md").read_text()
        said, text = diff("HEAD~1")
        self.assertEqual(said, "differs=true\n")
        self.assertTrue("blue" in text and "green" in text, text)
        self.assertEqual(diff("HEAD")[0], "differs=false\n")
        with self.assertRaises(AssertionError):
            diff("nosuch")


if __name__ == "__main__":
    unittest.main()
