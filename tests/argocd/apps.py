"""Repositories and Applications of the tests."""

import base64
import subprocess
import textwrap

from cluster import ARGO
from processes import wait_until


def placeholder_app(project, path, name="settings", key="password"):
    """Files of an app: a kustomization of one Secret with one placeholder."""
    return {
        "kustomization.yaml": "resources:\n- secret.yaml\n",
        "secret.yaml": textwrap.dedent(f"""\
            apiVersion: v1
            kind: Secret
            metadata:
              name: {name}
            stringData:
              {key}: <path:secret/data/{project}/{path}#{key}>
            """),
    }


class Repository:
    """A git repository, reached as file://."""

    def __init__(self, cluster, name):
        self.folder = cluster.folder / "git" / name
        self.folder.mkdir(parents=True)
        self.url = f"file://{self.folder}"
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *words):
        """Runs git; its output."""
        done = subprocess.run(["git", "-c", "user.name=test", "-c", "user.email=test@example.com", *words],
                              cwd=self.folder, capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    def commit(self, files, below=""):
        """Writes files, relative to a folder, and commits them."""
        for name, text in files.items():
            path = self.folder / below / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "change")


class Apps:
    """What tests do with Applications."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.api = cluster.api

    def spec(self, sources, project="blue", namespace=None):
        """An Application's spec; `sources` is one source or several."""
        where = {"source": sources} if isinstance(sources, dict) else {"sources": sources}
        return {"project": project, **where,
                "destination": {"server": self.cluster.address, "namespace": namespace or project},
                "syncPolicy": {"automated": {"prune": True, "selfHeal": True}, "retry": {"limit": -1, "backoff": {
                    "duration": "1s", "factor": 1, "maxDuration": "2s"}}}}

    def create(self, name, sources, labels=None, **spec):
        """Creates an Application that syncs by itself."""
        return self.api.create({"apiVersion": ARGO, "kind": "Application",
                                "metadata": {"name": name, "namespace": "argocd", "labels": labels or {}},
                                "spec": self.spec(sources, **spec)})

    def source(self, repository, path, plugin="keyfill", **more):
        """A source of a repository's main branch."""
        named = {"plugin": {"name": plugin, **more}} if plugin else {}
        return {"repoURL": repository.url, "targetRevision": "main", "path": path, **named}

    def status(self, name):
        """An Application's status."""
        return (self.api.get(ARGO, "Application", "argocd", name) or {}).get("status", {})

    def synced(self, name, seconds=60):
        """Waits until an Application is synced and its operation has succeeded; its status."""
        def done():
            status = self.status(name)
            ok = (status.get("sync", {}).get("status") == "Synced"
                  and status.get("operationState", {}).get("phase") == "Succeeded")
            return status if ok else None
        return wait_until(lambda: f"{name} is synced: {self.status(name)}", done, seconds)

    def condition(self, name, words, seconds=60):
        """Waits until a condition of an Application says some words; its message."""
        def said():
            for condition in self.status(name).get("conditions", []):
                if words in condition["message"]:
                    return condition["message"]
            return None
        return wait_until(lambda: f"{name} says {words!r}: {self.status(name)}", said, seconds)

    def refresh(self, name):
        """Asks for a refresh that uses no cache, and waits until Argo CD has taken it up."""
        key = "argocd.argoproj.io/refresh"
        self.api.merge(ARGO, "Application", "argocd", name, {"metadata": {"annotations": {key: "hard"}}})
        def taken():
            app = self.api.get(ARGO, "Application", "argocd", name)
            return key not in app["metadata"].get("annotations", {})
        wait_until(f"{name} is refreshed", taken, 60)

    def value(self, namespace, name, key="password"):
        """A Secret's value in the cluster, or None."""
        secret = self.api.get("v1", "Secret", namespace, name)
        return base64.b64decode(secret["data"][key]).decode() if secret else None

    def has(self, namespace, name, value, seconds=30, key="password"):
        """Waits until a Secret has a value."""
        wait_until(lambda: f"{namespace}/{name} has the value", lambda: self.value(namespace, name, key) == value, seconds)
