"""What must not happen: a broken app that loses its objects, an empty result that prunes, an app that takes more than
is its own."""

import time
import unittest

import place
from apps import Apps, Repository, placeholder_app
from processes import wait_until

# Each takes something that it may not have: time and memory by templates, a file outside of its repository, memory by
# YAML's aliases.
HOSTILE = {
    "endless": {
        "Chart.yaml": "apiVersion: v2\nname: endless\nversion: 1.0.0\n",
        "templates/a.yaml": '{{- define "again" }}{{ include "again" . }}{{ include "again" . }}{{ end }}\n'
                            'a: {{ include "again" . }} # <path:secret/data/blue/guard#password>\n',
    },
    "hungry": {
        "Chart.yaml": "apiVersion: v2\nname: hungry\nversion: 1.0.0\n",
        "templates/a.yaml": '{{- range $i := until 1000000000 }}{{ repeat 100000000 "x" }}{{ end }}\n'
                            "# <path:secret/data/blue/guard#password>\n",
    },
    "outside": {
        "kustomization.yaml": "resources:\n- ../../../../../../../../etc/passwd\n- secret.yaml\n",
        "secret.yaml": placeholder_app("blue", "guard", "outside")["secret.yaml"],
    },
    "aliases": {
        "kustomization.yaml": "resources:\n- secret.yaml\n",
        "secret.yaml": placeholder_app("blue", "guard", "aliases")["secret.yaml"] + "a0: &a0 [x, x]\n" + "".join(
            f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)),
    },
}


class Guards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = place.cluster()
        cls.apps = Apps(cls.cluster)
        cls.repository = Repository(cls.cluster, "guards")
        for project in ("blue", "green"):
            cls.cluster.vault.api("POST", f"secret/data/{project}/guard", {"data": {"password": f"{project}-guard-value"}})

    def synced(self, name):
        """An app that is synced, with its Secret."""
        self.repository.commit(placeholder_app("blue", "guard", name), name)
        self.apps.create(name, self.apps.source(self.repository, name))
        self.apps.synced(name)
        self.apps.has("blue", name, "blue-guard-value")

    def test_a_broken_app_says_where_it_is_broken_and_keeps_its_objects(self):
        self.synced("broken")
        text = placeholder_app("blue", "guard", "broken")["secret.yaml"]
        self.repository.commit({"secret.yaml": text.replace("#password", "#pasword")}, "broken")
        self.apps.refresh("broken")
        said = self.apps.condition("broken", "secret.yaml:6:")
        self.assertIn("pasword", said)
        self.assertNotIn("blue-guard-value", said)
        self.assertEqual(self.apps.value("blue", "broken"), "blue-guard-value")
        self.repository.commit({"secret.yaml": text}, "broken")
        self.apps.refresh("broken")
        wait_until("the condition is gone", lambda: not self.apps.status("broken").get("conditions"))

    def test_an_empty_rendering_prunes_nothing(self):
        self.synced("emptied")
        self.repository.commit({"kustomization.yaml": "resources: []\n"}, "emptied")
        self.apps.refresh("emptied")
        self.apps.condition("emptied", "--allow-empty")
        self.assertEqual(self.apps.value("blue", "emptied"), "blue-guard-value")

    def test_an_app_does_not_get_the_secret_of_another_project(self):
        files = placeholder_app("green", "guard", "stolen")
        self.repository.commit(files, "stolen")
        self.apps.create("stolen", self.apps.source(self.repository, "stolen"))
        said = self.apps.condition("stolen", "secret/data/green/guard")
        self.assertNotIn("green-guard-value", said)
        self.assertIsNone(self.apps.value("blue", "stolen"))
        # The same files are synced in the project whose secret it is.
        self.apps.create("owner", self.apps.source(self.repository, "stolen"), project="green")
        self.apps.synced("owner")
        self.apps.has("green", "stolen", "green-guard-value")

    def test_an_app_is_synced_beside_hostile_ones(self):
        hostile = Repository(self.cluster, "hostile")
        for name, files in HOSTILE.items():
            hostile.commit(files, name)
            self.apps.create(f"hostile-{name}", self.apps.source(hostile, name))
        begin = time.monotonic()
        self.synced("neighbour")
        took = time.monotonic() - begin
        for name in HOSTILE:
            said = self.apps.condition(f"hostile-{name}", "CMP processing failed", 120)
            self.assertNotIn("blue-guard-value", said)
            self.assertNotIn("root:", said)
            self.assertEqual(self.apps.status(f"hostile-{name}").get("resources", []), [])
        self.assertLess(took, 30)
        self.assertEqual(self.cluster.sidecar.ended, [])
        print(f"the neighbour of {len(HOSTILE)} hostile apps is synced after {took:.1f} s", flush=True)


if __name__ == "__main__":
    unittest.main()
