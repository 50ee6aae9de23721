"""deploy/ is accepted by the API server: the Component on Argo CD's own manifests, the chart's values, the rights."""

import shutil
import unittest
from pathlib import Path

import yaml

import place
import programs
import world
from api import Refused
from test_manifests import CHART

OPERATORS = ("servicemonitors", "prometheusrules")


def documents(text):
    return [d for d in yaml.safe_load_all(text) if d]


class Applied(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = place.cluster()
        cls.api = cls.cluster.api
        definitions = programs.operator() / "example/prometheus-operator-crd"
        for name in OPERATORS:
            cls.cluster.define(definitions / f"monitoring.coreos.com_{name}.yaml")
        cls.objects = documents(world.run(world.KEYFILL, "render", cls.installation()))

    @classmethod
    def installation(cls):
        """The kustomization of docs/argo-cd.md, with Argo CD's own manifests in it."""
        folder = cls.cluster.folder / "installation"
        (folder / "argo-cd").mkdir(parents=True)
        for name, text in world.files_of("docs/argo-cd.md").items():
            (folder / name).write_text(text)
        shutil.copytree(world.ROOT / "deploy", folder / "keyfill/deploy")
        shutil.copy(cls.cluster.argo_cd_sources / "manifests/install.yaml", folder / "argo-cd/install.yaml")
        (folder / "argo-cd/kustomization.yaml").write_text("resources: [install.yaml]\n")
        return folder

    def of_kind(self, kind, name=None):
        return [o for o in self.objects if o["kind"] == kind and name in (None, o["metadata"]["name"])]

    def test_the_component_on_argo_cds_manifests_is_accepted_whole(self):
        for thing in self.objects:
            self.api.apply(thing, dryRun="All", fieldValidation="Strict")
        kinds = {o["kind"] for o in self.objects}
        self.assertLessEqual({"Deployment", "Service", "ServiceMonitor", "PrometheusRule", "NetworkPolicy"}, kinds)

    def test_the_applied_deployment_has_the_sidecar_as_it_was_meant(self):
        wanted = self.of_kind("Deployment", "argocd-repo-server")[0]
        self.api.apply(wanted, fieldValidation="Strict")
        got = self.api.get("apps/v1", "Deployment", "argocd", "argocd-repo-server")
        def sidecar(deployment):
            pod = deployment["spec"]["template"]["spec"]
            return next(c for c in pod["initContainers"] if c["name"] == "keyfill")
        self.assertEqual(sidecar(got)["restartPolicy"], "Always")
        for key in ("args", "env", "securityContext", "volumeMounts"):
            self.assertEqual(sidecar(got)[key], sidecar(wanted)[key])
        for name in ("Service", "ServiceMonitor", "PrometheusRule", "NetworkPolicy", "ConfigMap"):
            for thing in self.of_kind(name):
                if thing["metadata"]["name"].startswith("keyfill"):
                    self.api.apply(thing, fieldValidation="Strict")
                    self.assertIsNotNone(self.api.get(thing["apiVersion"], name, "argocd", thing["metadata"]["name"]))

    def test_the_pod_is_admitted_under_the_restricted_standard(self):
        pod = self.of_kind("Deployment", "argocd-repo-server")[0]["spec"]["template"]
        self.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": "restricted", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}})
        self.cluster.object("v1", "ServiceAccount", pod["spec"]["serviceAccountName"], "restricted")
        thing = {"apiVersion": "v1", "kind": "Pod", "spec": pod["spec"], "metadata": {
            **pod["metadata"], "name": "repo-server", "namespace": "restricted"}}
        self.api.create(thing, dryRun="All", fieldValidation="Strict")
        # The standard is in force: a sidecar that might run as root is not admitted.
        sidecar = next(c for c in thing["spec"]["initContainers"] if c["name"] == "keyfill")
        sidecar["securityContext"] = {"runAsUser": 0}
        with self.assertRaises(Refused) as refused:
            self.api.create(thing, dryRun="All")
        self.assertEqual(refused.exception.status, 403)

    def test_the_sidecar_of_the_charts_values_is_accepted(self):
        chart = self.cluster.folder / "chart"
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: argo-cd\nversion: 1.0.0\n")
        (chart / "templates/repo-server.yaml").write_text(CHART)
        text = world.run(world.KEYFILL, "render", chart, "--values", world.ROOT / "deploy/argo-cd-values.yaml")
        thing = documents(text)[0]
        pod = thing["template"]["spec"]
        # What the chart itself brings: the server, and the volumes that it shares with the sidecar.
        pod["containers"] = [{"name": "repo-server", "image": "argocd"}]
        pod["volumes"] += [{"name": n, "emptyDir": {}} for n in ("var-files", "plugins")]
        thing["metadata"]["namespace"] = "argocd"
        got = self.api.apply(thing, fieldValidation="Strict")
        self.assertEqual(got["template"]["spec"]["initContainers"][0]["restartPolicy"], "Always")

    def test_repo_server_may_get_the_secret_of_settings_and_no_other(self):
        for thing in documents((world.ROOT / "deploy/rbac-settings-secret.yaml").read_text()):
            self.api.apply(thing, fieldValidation="Strict")
        def may(name, verb="get"):
            spec = {"user": "system:serviceaccount:argocd:argocd-repo-server", "groups": ["system:serviceaccounts"],
                    "resourceAttributes": {"namespace": "argocd", "resource": "secrets", "verb": verb, "name": name}}
            return self.api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})["status"]["allowed"]
        self.assertTrue(may("keyfill-settings"))
        self.assertFalse(may("argocd-secret"))
        self.assertFalse(may("keyfill-settings", "update"))
        self.assertFalse(may("", "list"))

    def test_repo_server_may_patch_applications_and_hold_one_lease(self):
        for thing in documents((world.ROOT / "deploy/refresh/rbac.yaml").read_text()):
            self.api.apply(thing, fieldValidation="Strict")
        def may(verb, group, resource, name=""):
            spec = {"user": "system:serviceaccount:argocd:argocd-repo-server", "groups": ["system:serviceaccounts"],
                    "resourceAttributes": {"namespace": "argocd", "group": group, "resource": resource, "verb": verb,
                                           "name": name}}
            return self.api.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})["status"]["allowed"]
        leases, apps = ("coordination.k8s.io", "leases"), ("argoproj.io", "applications")
        allowed = [may("patch", *apps), may("create", *leases), may("update", *leases, "keyfill-refresh")]
        refused = [may("get", *apps), may("delete", *apps), may("update", *leases, "other")]
        self.assertEqual((allowed, refused), ([True] * 3, [False] * 3))

    def test_the_examples_are_accepted_as_applications(self):
        examples = sorted(Path(world.ROOT / "deploy/examples").glob("*.yaml"))
        self.assertTrue(examples)
        for path in examples:
            for thing in documents(path.read_text()):
                self.api.apply(thing, dryRun="All", fieldValidation="Strict")


if __name__ == "__main__":
    unittest.main()
