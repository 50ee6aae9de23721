"""The scripts of deploy/vault against a real Vault."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import world

# Writes down what it is asked for: there is no cluster.
KUBECTL = """#!/bin/sh
for word; do printf '%s\\n' "$word"; done > "$KUBECTL_LOG"
"""


class Scripts(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.vault = world.Vault(str(self.folder))
        self.addCleanup(self.vault.stop)
        commands = self.folder / "bin"
        commands.mkdir()
        shutil.copy(world.ROOT / "tests/deploy/vault-command", commands / "vault")
        (commands / "kubectl").write_text(KUBECTL)
        (commands / "kubectl").chmod(0o755)
        self.env = {"PATH": f"{commands}:{os.environ['PATH']}", "VAULT_ADDR": self.vault.address,
                    "VAULT_TOKEN": world.TOKEN, "KUBECTL_LOG": str(self.folder / "kubectl")}

    def script(self, name, *words, **env):
        world.run("sh", world.ROOT / "deploy/vault" / name, *words, env=self.env | env)

    def service_account_token(self, name):
        """A file with a token of a service account, for the audience "vault"."""
        claims = {"sub": f"system:serviceaccount:argocd:{name}", "aud": ["vault"],
                  "kubernetes.io": {"namespace": "argocd", "serviceaccount": {"name": name, "uid": "0001"}}}
        token = self.folder / name
        token.write_text(world.ask(f"{self.vault.control}/jwt", "POST", claims).strip())
        return str(token)

    def generate(self, path, **login):
        """Fills one placeholder with a login."""
        manifest = self.folder / "app.yaml"
        manifest.write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{a: <path:{path}#key>}}\n")
        env = {"VAULT_ADDR": self.vault.address, "HOME": str(self.folder), **login}
        return subprocess.run([world.KEYFILL, "generate", manifest], env=env, capture_output=True, text=True, timeout=60)

    def test_a_project_reads_its_own_secrets_and_no_others(self):
        for project in ("blue", "green"):
            self.vault.api("POST", f"secret/data/{project}/app", {"data": {"key": f"{project}-value"}})
        self.vault.api("POST", "sys/auth/approle", {"type": "approle"})
        self.script("project-policy.sh", PROJECT="green")
        self.script("project-role.sh", PROJECT="green")
        words = (self.folder / "kubectl").read_text().split("\n")
        self.assertIn("green-vault", words)
        literal = "--from-literal="
        login = dict(w.removeprefix(literal).split("=", 1) for w in words if w.startswith(literal))
        own = self.generate("secret/data/green/app", **login)
        self.assertIn("green-value", own.stdout, own.stderr)
        other = self.generate("secret/data/blue/app", **login)
        self.assertEqual((other.returncode, other.stdout), (5, ""), other.stderr)

    def test_a_projects_name_with_a_glob_is_refused(self):
        for name in ("*", "blue/*", "a|b"):
            with self.assertRaises(AssertionError):
                self.script("project-policy.sh", PROJECT=name)

    def test_the_sidecar_logs_in_with_its_service_account(self):
        self.vault.api("POST", "secret/data/blue/app", {"data": {"key": "blue-value"}})
        self.script("project-policy.sh", PROJECT="blue")
        for _ in range(2):
            self.script("kubernetes-auth.sh", "disable_local_ca_jwt=true", PROJECTS="blue green", KUBERNETES_HOST=self.vault.control)
        role = self.vault.api("GET", "auth/kubernetes/role/argocd")["data"]
        self.assertEqual(role["token_policies"], ["argocd-blue", "argocd-green"])
        login = {"AVP_AUTH_TYPE": "k8s", "AVP_K8S_ROLE": "argocd"}
        token = self.service_account_token("argocd-repo-server")
        own = self.generate("secret/data/blue/app", AVP_K8S_TOKEN_PATH=token, **login)
        self.assertIn("blue-value", own.stdout, own.stderr)
        token = self.service_account_token("other")
        other = self.generate("secret/data/blue/app", AVP_K8S_TOKEN_PATH=token, **login)
        self.assertEqual((other.returncode, other.stdout), (5, ""), other.stderr)


if __name__ == "__main__":
    unittest.main()
