"""The Component, and the values for Argo CD's chart."""

import json
import shutil
import tempfile
import unittest
from pathlib import Path

import world

try:
    import yaml
except ImportError:
    raise unittest.SkipTest("PyYAML is not there") from None

# As much of Argo CD's own Deployment as the sidecar touches.
REPO_SERVER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: argocd-repo-server}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: argocd-repo-server}}
  template:
    metadata: {labels: {app.kubernetes.io/name: argocd-repo-server}}
    spec:
      containers:
      - {name: argocd-repo-server, image: argocd}
      initContainers:
      - {name: copyutil, image: argocd, volumeMounts: [{name: var-files, mountPath: /var/run/argocd}]}
      volumes:
      - {name: var-files, emptyDir: {}}
      - {name: plugins, emptyDir: {}}
"""

# Argo CD's chart puts repoServer.initContainers through tpl, and repoServer.volumes not.
CHART = """
apiVersion: v1
kind: PodTemplate
metadata: {name: repo-server}
template:
  spec:
    initContainers:
    {{- tpl (toYaml .Values.repoServer.initContainers) $ | nindent 4 }}
    volumes:
    {{- toYaml .Values.repoServer.volumes | nindent 4 }}
"""


def documents(text):
    return [d for d in yaml.safe_load_all(text) if d]


def named(objects, name):
    return next(o for o in objects if o["name"] == name)


def variables(container):
    return {v["name"]: v["value"] for v in container["env"]}


class Manifests(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def example(self):
        """The example of docs/argo-cd.md with a copy of deploy/ and Argo CD's Deployment in it."""
        files = world.files_of("docs/argo-cd.md")
        for name in ("kustomization.yaml", "keyfill-settings.yaml"):
            (self.folder / name).write_text(files[name])
        shutil.copytree(world.ROOT / "deploy", self.folder / "keyfill/deploy")
        (self.folder / "argo-cd").mkdir()
        (self.folder / "argo-cd/deployment.yaml").write_text(REPO_SERVER)
        (self.folder / "argo-cd/kustomization.yaml").write_text("resources: [deployment.yaml]\n")
        return self.folder

    def test_the_component_adds_the_sidecar_and_the_settings_of_the_overlay(self):
        out = documents(world.run(world.KEYFILL, "render", self.example()))
        kinds = sorted(d["kind"] for d in out)
        self.assertEqual(kinds, ["ConfigMap", "Deployment", "NetworkPolicy", "PrometheusRule", "Service",
                                 "ServiceMonitor"])
        self.assertEqual({d["metadata"]["namespace"] for d in out}, {"argocd"})
        deployment = next(d for d in out if d["kind"] == "Deployment")
        pod = deployment["spec"]["template"]["spec"]
        self.assertEqual({c["name"] for c in pod["initContainers"]}, {"copyutil", "keyfill"})
        sidecar = named(pod["initContainers"], "keyfill")
        self.assertEqual(sidecar["restartPolicy"], "Always")
        self.assertEqual(variables(sidecar)["VAULT_ADDR"], "https://vault.example.com")
        self.assertEqual(variables(sidecar)["AVP_AUTH_TYPE"], "k8s")
        volumes = {v["name"] for v in pod["volumes"]}
        self.assertLessEqual({m["name"] for m in sidecar["volumeMounts"]}, volumes)

    def test_the_service_finds_the_port_that_the_sidecar_opens(self):
        out = documents(world.run(world.KEYFILL, "render", self.example()))
        by_kind = {d["kind"]: d for d in out}
        pod = by_kind["Deployment"]["spec"]["template"]
        port = named(pod["spec"]["initContainers"], "keyfill")["ports"][0]
        service = by_kind["Service"]["spec"]
        self.assertEqual(service["ports"][0]["targetPort"], port["name"])
        self.assertLessEqual(service["selector"].items(), pod["metadata"]["labels"].items())
        monitor = by_kind["ServiceMonitor"]["spec"]
        self.assertEqual(monitor["endpoints"][0]["port"], service["ports"][0]["name"])
        labels = by_kind["Service"]["metadata"]["labels"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), labels.items())
        policy = by_kind["NetworkPolicy"]["spec"]
        self.assertEqual(policy["ingress"][0]["ports"][0]["port"], port["containerPort"])
        board = json.loads(by_kind["ConfigMap"]["data"]["keyfill.json"])
        self.assertEqual(board["title"], "keyfill")

    def with_refresh(self):
        """The example with the Component of deploy/refresh."""
        example = self.example()
        file = example / "kustomization.yaml"
        file.write_text(file.read_text().replace("- keyfill/deploy\n", "- keyfill/deploy\n- keyfill/deploy/refresh\n"))
        return example

    def test_the_refresh_component_gives_the_sidecar_alone_a_token_and_the_rights_that_it_needs(self):
        out = documents(world.run(world.KEYFILL, "render", self.with_refresh()))
        by_kind = {d["kind"]: d for d in out}
        pod = by_kind["Deployment"]["spec"]["template"]["spec"]
        sidecar = named(pod["initContainers"], "keyfill")
        self.assertEqual(variables(sidecar)["KEYFILL_REFRESH"], "true")
        self.assertIn("VAULT_ADDR", variables(sidecar))
        folder = variables(sidecar)["KEYFILL_SERVICE_ACCOUNT"]
        mount = next(m for m in sidecar["volumeMounts"] if m["mountPath"] == folder)
        others = [m for c in pod["containers"] + pod["initContainers"] if c["name"] != "keyfill"
                  for m in c.get("volumeMounts", [])]
        self.assertNotIn(mount["name"], [m["name"] for m in others])
        sources = named(pod["volumes"], mount["name"])["projected"]["sources"]
        paths = [s["serviceAccountToken"]["path"] if "serviceAccountToken" in s else
                 (s.get("configMap") or s["downwardAPI"])["items"][0]["path"] for s in sources]
        self.assertEqual(paths, ["token", "ca.crt", "namespace"])
        self.assertEqual(by_kind["Role"]["rules"], self.rules_of_the_chart())
        binding = by_kind["RoleBinding"]
        self.assertEqual(binding["roleRef"]["name"], by_kind["Role"]["metadata"]["name"])
        self.assertEqual(binding["subjects"][0]["name"], "argocd-repo-server")

    def rules_of_the_chart(self):
        values = documents((world.ROOT / "deploy/refresh/argo-cd-values.yaml").read_text())[0]
        return values["repoServer"]["rbac"]

    def test_kustomize_prints_the_same(self):
        kustomize = world.program("kustomize")
        example = self.example()
        self.assertEqual(world.run(kustomize, "build", example), world.run(world.KEYFILL, "render", example))

    def test_kustomize_prints_the_same_with_the_refresh_component(self):
        kustomize = world.program("kustomize")
        example = self.with_refresh()
        self.assertEqual(world.run(kustomize, "build", example), world.run(world.KEYFILL, "render", example))

    def test_the_chart_values_give_the_sidecar_of_the_patch(self):
        chart = self.folder / "chart"
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text("apiVersion: v2\nname: argo-cd\nversion: 1.0.0\n")
        (chart / "templates/repo-server.yaml").write_text(CHART)
        text = world.run(world.KEYFILL, "render", chart, "--values", world.ROOT / "deploy/argo-cd-values.yaml")
        pod = documents(text)[0]["template"]["spec"]
        patch = documents((world.ROOT / "deploy/repo-server-serve.yaml").read_text())[0]["spec"]["template"]["spec"]
        self.assertEqual(named(pod["initContainers"], "keyfill"), named(patch["initContainers"], "keyfill"))
        self.assertEqual(pod["volumes"], patch["volumes"])

    def test_the_flags_of_the_sidecar_exist(self):
        patch = documents((world.ROOT / "deploy/repo-server-serve.yaml").read_text())[0]
        sidecar = patch["spec"]["template"]["spec"]["initContainers"][0]
        known = world.run(world.KEYFILL, "serve", "--help")
        for flag in sidecar["args"][1:]:
            self.assertIn(flag.partition("=")[0], known)
        settings = world.run(world.KEYFILL, "settings")
        for name in variables(sidecar):
            self.assertIn(name, settings)

    def test_terraform_files_are_formatted(self):
        terraform = world.program("terraform")
        world.run(terraform, "fmt", "-check", "-recursive", world.ROOT / "deploy/vault/terraform")


if __name__ == "__main__":
    unittest.main()
