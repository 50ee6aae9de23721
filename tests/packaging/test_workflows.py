"""Workflow files, the action, and the GitLab component."""

import re
import tempfile
import unittest
from pathlib import Path

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
        for name in (".github/workflows/keyfill-check.yml", ".github/workflows/keyfill-diff.yml", "templates/check.yml",
                     "templates/diff.yml"):
            self.assertIn(f"default: {place.version()}\n", (place.ROOT / name).read_text(), name)

    def test_the_gitlab_components_declare_each_input_that_they_use(self):
        for name in ("check", "diff"):
            text = (place.ROOT / f"templates/{name}.yml").read_text()
            head, jobs = yaml.safe_load_all(text)
            used = set(re.findall(r"\$\[\[ inputs\.([a-z-]+) \]\]", text))
            self.assertEqual(used, set(head["spec"]["inputs"]), name)
            self.assertTrue(any(f"keyfill {name}" in line for line in jobs[f"keyfill-{name}"]["script"]))

    def test_the_workflow_on_the_page_is_accepted_by_actionlint(self):
        actionlint = place.program("actionlint")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "page.yml")
            path.write_text(on_page("As a GitHub workflow:"))
            place.run(actionlint, "-no-color", path)

    def test_each_system_of_the_page_has_all_jobs_of_the_loop(self):
        github = yaml.safe_load(on_page("As a GitHub workflow:"))["jobs"]
        gitlab = yaml.safe_load(on_page("As GitLab jobs:"))
        circle = yaml.safe_load(on_page("As CircleCI jobs:"))
        self.assertEqual(set(github), {"build", "check", "diff"})
        self.assertEqual(set(gitlab), {"image-update", "check", "diff"})
        self.assertEqual(set(circle["jobs"]), {"image-update", "check", "diff"})
        ran = {next(iter(job)) for job in circle["workflows"]["main"]["jobs"]}
        self.assertEqual(ran, set(circle["jobs"]))
        for jobs in (github, gitlab, circle["jobs"]):
            words = yaml.safe_dump(jobs)
            for command in ("edit image", "check", "diff"):
                self.assertIn(f"keyfill {command}", words)
        for job in gitlab.values():
            self.assertLessEqual(set(job), {"rules", "script", "variables", "artifacts"})
        for job in circle["jobs"].values():
            self.assertEqual(set(job), {"docker", "steps"})


def on_page(title):
    """The code block behind a line of docs/ci.md."""
    text = (place.ROOT / "docs/ci.md").read_text()
    return text.partition(title)[2].partition("```yaml\n")[2].partition("```")[0]


if __name__ == "__main__":
    unittest.main()
