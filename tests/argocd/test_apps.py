"""Apps of every kind are synced with their secrets, and a rotated secret arrives."""

import time
import unittest

import place
from apps import Apps, Repository, placeholder_app
from cluster import ARGO

CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "values.yaml": "image: {tag: none}\ncolour: none\n",
    "values-prod.yaml": "colour: blue\n",
    "templates/all.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
data:
  tag: {{ .Values.image.tag | quote }}
  colour: {{ .Values.colour }}
---
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}
stringData:
  password: <path:secret/data/blue/shop#password>
""",
}


class Syncs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = place.cluster()
        cls.apps = Apps(cls.cluster)
        cls.repository = Repository(cls.cluster, "apps")

    def secret(self, path, value):
        self.cluster.vault.api("POST", f"secret/data/blue/{path}", {"data": {"password": value}})

    def test_an_app_that_names_the_plugin_is_synced_with_its_secret(self):
        status = self.apps.synced("first-by-name")
        self.assertEqual(status["sourceType"], "Plugin")
        self.apps.has("blue", "first-by-name", "first-value")

    def test_an_app_with_placeholders_is_taken_by_discovery(self):
        status = self.apps.synced("first-by-discovery")
        self.assertEqual(status["sourceType"], "Plugin")
        self.apps.has("blue", "first-by-discovery", "first-value")

    def test_an_app_without_placeholders_stays_with_argo_cd(self):
        self.repository.commit({"plain.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n"}, "plain")
        self.apps.create("plain", self.apps.source(self.repository, "plain", None))
        self.assertEqual(self.apps.synced("plain")["sourceType"], "Directory")

    def test_an_app_that_names_the_plugin_is_synced_without_placeholders_too(self):
        self.repository.commit({"plain.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: named}\n"}, "named")
        self.apps.create("named", self.apps.source(self.repository, "named"))
        self.assertEqual(self.apps.synced("named")["sourceType"], "Plugin")

    def test_an_app_that_names_argocd_vault_plugin_is_answered_by_an_alias(self):
        self.secret("alias", "alias-value")
        self.repository.commit(placeholder_app("blue", "alias", "alias"), "alias")
        self.apps.create("alias", self.apps.source(self.repository, "alias", "argocd-vault-plugin-kustomize"))
        self.apps.synced("alias")
        self.apps.has("blue", "alias", "alias-value")

    def test_an_app_of_several_sources_is_synced_with_the_secrets_of_each(self):
        for name in ("left", "right"):
            self.secret(name, f"{name}-value")
            self.repository.commit(placeholder_app("blue", name, name), name)
        self.apps.create("several", [self.apps.source(self.repository, "left"),
                                     self.apps.source(self.repository, "right", None)])
        self.assertEqual(self.apps.synced("several")["sourceTypes"], ["Plugin", "Plugin"])
        for name in ("left", "right"):
            self.apps.has("blue", name, f"{name}-value")

    def test_a_chart_gets_the_parameters_of_its_app(self):
        self.secret("shop", "shop-value")
        self.repository.commit(CHART, "shop")
        parameters = [{"name": "helm-value-files", "array": ["values-prod.yaml"]},
                      {"name": "helm-set", "map": {"image.tag": "1.4.2"}}]
        self.apps.create("shop", self.apps.source(self.repository, "shop", parameters=parameters))
        self.apps.synced("shop")
        data = self.cluster.api.get("v1", "ConfigMap", "blue", "shop")["data"]
        self.assertEqual(data, {"tag": "1.4.2", "colour": "blue"})
        self.apps.has("blue", "shop", "shop-value")

    def test_the_apps_of_an_application_set_are_synced(self):
        for name in ("one", "two"):
            self.secret(f"set-{name}", f"set-{name}-value")
            self.repository.commit(placeholder_app("blue", f"set-{name}", f"set-{name}"), f"set/{name}")
        source = self.apps.source(self.repository, "set/{{ .name }}")
        self.cluster.api.create({
            "apiVersion": ARGO, "kind": "ApplicationSet", "metadata": {"name": "set", "namespace": "argocd"},
            "spec": {"goTemplate": True, "generators": [{"list": {"elements": [{"name": "one"}, {"name": "two"}]}}],
                     "template": {"metadata": {"name": "set-{{ .name }}"}, "spec": self.apps.spec(source)}}})
        for name in ("one", "two"):
            self.apps.synced(f"set-{name}")
            self.apps.has("blue", f"set-{name}", f"set-{name}-value")

    def test_a_rotated_secret_arrives_with_a_hard_refresh(self):
        self.secret("rotated", "old-value")
        self.repository.commit(placeholder_app("blue", "rotated", "rotated"), "rotated")
        self.apps.create("rotated", self.apps.source(self.repository, "rotated"))
        self.apps.synced("rotated")
        self.apps.has("blue", "rotated", "old-value")
        self.secret("rotated", "new-value")
        self.assertEqual(self.apps.value("blue", "rotated"), "old-value")
        # The sidecar keeps a secret for five seconds.
        time.sleep(5.1)
        self.apps.refresh("rotated")
        self.apps.has("blue", "rotated", "new-value")

    def test_an_app_is_refreshed_by_itself_when_its_secret_was_rotated(self):
        self.secret("itself", "old-value")
        self.repository.commit(placeholder_app("blue", "itself", "itself"), "itself")
        self.apps.create("itself", self.apps.source(self.repository, "itself"))
        self.apps.synced("itself")
        self.apps.has("blue", "itself", "old-value")
        before = self.cluster.metric('keyfill_refreshes_total')
        self.secret("itself", "new-value")
        self.apps.has("blue", "itself", "new-value")
        self.assertGreater(self.cluster.metric('keyfill_refreshes_total'), before)
        lease = self.cluster.api.get("coordination.k8s.io/v1", "Lease", "argocd", "keyfill-refresh")
        self.assertIn("keyfill.dev/refreshed", lease["metadata"]["annotations"])


if __name__ == "__main__":
    unittest.main()
