"""What git does not hold, in apps of a real Argo CD: with the logins of its repository Secrets, which the sidecar lists
with its service account and the rights of deploy/rbac-repositories.yaml."""

import unittest

import yaml

import place
import programs
import world
from apps import Apps, Repository, placeholder_app
from sources import PASSWORD, USER

SECRET = placeholder_app("blue", "fetched", "NAME")["secret.yaml"]
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\ndata:\n  from: far\n"


class Fetched(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = place.cluster()
        cls.apps = Apps(cls.cluster)
        cls.repository = Repository(cls.cluster, "fetched")
        cls.sources = cls.cluster.sources
        cls.cluster.vault.api("POST", "secret/data/blue/fetched", {"data": {"password": "fetched-value"}})
        name = "{{ .Release.Name }}-lib"
        cls.sources.chart("lib", "1.2.0", {"templates/map.yaml": MAP.replace("NAME", name)})
        base = cls.sources.repository("base", {
            "base/kustomization.yaml": "resources: [map.yaml]\n", "base/map.yaml": MAP.replace("NAME", "far"),
            "unread/file.txt": "nobody reads it\n"})
        cls.repository.commit({
            "Chart.yaml": "apiVersion: v2\nname: chart\nversion: 1.0.0\ndependencies:\n"
                          f"- {{name: lib, version: ^1, repository: '{cls.sources.address}/charts'}}\n",
            "templates/secret.yaml": SECRET.replace("NAME", "{{ .Release.Name }}")}, "chart")
        cls.repository.commit({
            "kustomization.yaml": f"resources:\n- secret.yaml\n- {base}//base?ref=main\nnamePrefix: based-\n",
            "secret.yaml": SECRET.replace("NAME", "secret")}, "based")
        cls.lock()
        cls.rights = [d for d in yaml.safe_load_all((programs.ROOT / "deploy/rbac-repositories.yaml").read_text()) if d]

    @classmethod
    def lock(cls):
        """The lock, written by somebody who has the login in files of their own."""
        home = cls.cluster.folder / "home/author"
        (home / ".config/helm").mkdir(parents=True)
        (home / ".config/helm/repositories.yaml").write_text(yaml.safe_dump({"apiVersion": "v1", "repositories": [
            {"name": "x", "url": f"{cls.sources.address}/charts", "username": USER, "password": PASSWORD}]}))
        (home / ".git-credentials").write_text(cls.sources.address.replace("://", f"://{USER}:{PASSWORD}@") + "\n")
        world.run(world.KEYFILL, "lock", cls.repository.folder, "--all", env={
            "PATH": "/usr/bin:/bin", "HOME": str(home), "KEYFILL_FETCH_HOSTS": f"{cls.sources.address}/*"})
        cls.repository.commit({})

    @classmethod
    def tearDownClass(cls):
        # Others test what the account may do without these rights.
        for thing in cls.rights:
            cls.cluster.api.delete(thing["apiVersion"], thing["kind"], "argocd", thing["metadata"]["name"])
        for name in ("creds-of-charts", "creds-of-git"):
            cls.cluster.api.delete("v1", "Secret", "argocd", name)

    def credentials(self, name, url, **more):
        """A Secret with a login for all that lies below an address, as Argo CD has it."""
        self.cluster.api.apply({
            "apiVersion": "v1", "kind": "Secret", "metadata": {
                "name": name, "namespace": "argocd", "labels": {"argocd.argoproj.io/secret-type": "repo-creds"}},
            "stringData": {"url": url, "username": USER, "password": PASSWORD, **more}})

    def test_apps_get_what_needs_the_login_of_a_repo_creds_secret(self):
        self.apps.create("fetched-chart", self.apps.source(self.repository, "chart"))
        self.apps.create("fetched-base", self.apps.source(self.repository, "based"))
        self.credentials("creds-of-charts", f"{self.sources.address}/charts", type="helm", project="blue")
        self.credentials("creds-of-git", f"{self.sources.address}/git", type="git")
        # Without the rights: a clear error, and no login in it.
        for name, line in (("fetched-chart", "Chart.yaml:5"), ("fetched-base", "kustomization.yaml:3")):
            said = self.apps.condition(name, "403")
            self.assertIn(line, said)
            self.assertNotIn(PASSWORD, said)
        for thing in self.rights:
            self.cluster.api.apply(thing, fieldValidation="Strict")
        for name in ("fetched-chart", "fetched-base"):
            self.apps.refresh(name)
            self.apps.synced(name, 120)
        self.apps.has("blue", "fetched-chart", "fetched-value")
        self.apps.has("blue", "based-secret", "fetched-value")
        for name in ("fetched-chart-lib", "based-far"):
            got = self.cluster.api.get("v1", "ConfigMap", "blue", name)
            self.assertEqual(got["data"]["from"], "far")
        self.assertGreater(self.cluster.metric("keyfill_fetch_requests_total"), 0)
        # The login of one project is not for another, whatever the cache holds.
        before = self.sources.refused
        self.apps.create("fetched-stolen", self.apps.source(self.repository, "chart"), project="green")
        said = self.apps.condition("fetched-stolen", "401")
        self.assertIn("Chart.yaml:5", said)
        self.assertNotIn(PASSWORD, said)
        self.assertGreater(self.sources.refused, before)
        self.assertNotIn(PASSWORD, self.cluster.sidecar.log.read_text(errors="replace"))


if __name__ == "__main__":
    unittest.main()
