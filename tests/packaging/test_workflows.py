"""Workflow files, the action, and the GitLab component."""

import re
import unittest

import place

try:
    import yaml
except ImportError:
    raise unittest.SkipTest("PyYAML is not there") from None


class Workflows(unittest.TestCase):
    def test_actionlint_accepts_the_workflows(self):
        actionlint = place.program("actionlint")
        # It reads the shell scripts of the steps with shellcheck, where that is installed.
        place.run(actionlint, "-no-color", cwd=place.ROOT)

    def test_scripts_hold_no_expressions(self):
        files = [*place.ROOT.glob(".github/workflows/*.yml"), place.ROOT / "action.yml"]
        self.assertGreater(len(files), 3)
        for path in files:
            document = yaml.safe_load(path.read_text())
            jobs = document.get("jobs", {"action": document.get("runs", {})})
            for job in jobs.values():
                for step in job["steps"]:
                    found = re.findall(r"\$\{\{ *([^}]*?) *\}\}", step.get("run", ""))
                    # What a version is made from was checked before; everything else comes in by env.
                    self.assertEqual([f for f in found if f != "needs.plan.outputs.version"], [], path)

    def test_versions_in_files_for_others_are_this_one(self):
        for name in (".github/workflows/keyfill-check.yml", "templates/check.yml"):
            self.assertIn(f"default: {place.version()}\n", (place.ROOT / name).read_text(), name)

    def test_the_gitlab_component_declares_each_input_that_it_uses(self):
        text = (place.ROOT / "templates/check.yml").read_text()
        head, jobs = yaml.safe_load_all(text)
        used = set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", text))
        self.assertEqual(used, set(head["spec"]["inputs"]))
        self.assertTrue(any("keyfill check" in line for line in jobs["keyfill-check"]["script"]))


if __name__ == "__main__":
    unittest.main()
