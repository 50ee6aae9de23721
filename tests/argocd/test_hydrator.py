"""Argo CD's source hydrator with its own commit server: what it pushes holds no secret, and what is synced does."""

import unittest

import place
from apps import Apps, Repository, placeholder_app
from cluster import ARGO
from processes import wait_until

VALUE = "hydrated-value"
TO = "environments/dev"


class Hydrated(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = place.cluster()
        cls.apps = Apps(cls.cluster)
        cls.repository = Repository(cls.cluster, "hydrated")
        cls.repository.commit({"README.md": "what environments begin with\n"})
        cls.repository.git("switch", "--quiet", "--create", "dry")

    def create(self, name):
        """An Application whose dry source lies on the branch `dry`, and which is synced from another branch."""
        spec = self.apps.spec({})
        del spec["source"]
        spec["sourceHydrator"] = {
            "drySource": {"repoURL": self.repository.url, "targetRevision": "dry", "path": name,
                          "plugin": {"name": "keyfill"}},
            "syncSource": {"targetBranch": TO, "path": name}}
        self.cluster.api.create({"apiVersion": ARGO, "kind": "Application",
                                 "metadata": {"name": name, "namespace": "argocd"}, "spec": spec})

    def hydrated(self, path):
        """A file of the branch that the hydrator writes, or None."""
        there = self.repository.git("ls-tree", "--name-only", "-r", TO) if TO in self.branches() else ""
        return self.repository.git("show", f"{TO}:{path}") if path in there.split("\n") else None

    def branches(self):
        return self.repository.git("branch", "--format=%(refname:short)").split("\n")

    def test_the_hydrator_pushes_placeholders_and_the_app_has_its_secret(self):
        self.cluster.vault.api("POST", "secret/data/blue/shop-dry", {"data": {"password": VALUE}})
        self.repository.commit(placeholder_app("blue", "shop-dry", "shop-dry"), "shop-dry")
        self.create("shop-dry")
        wait_until("the hydrator has pushed", lambda: self.hydrated("shop-dry/manifest.yaml"), 90)
        manifest = self.hydrated("shop-dry/manifest.yaml")
        self.assertIn("<path:secret/data/blue/shop-dry#password>", manifest)
        self.assertIn("drySha", self.hydrated("shop-dry/hydrator.metadata"))
        self.apps.synced("shop-dry", 90)
        self.apps.has("blue", "shop-dry", VALUE)
        # In no commit of any branch, nor in base64.
        everything = self.repository.git("log", "--all", "--patch")
        self.assertNotIn(VALUE, everything)
        self.assertNotIn("aHlkcmF0ZWQtdmFsdWU", everything)


if __name__ == "__main__":
    unittest.main()
