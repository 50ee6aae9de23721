"""Two hundred apps at once, by keyfill and by argocd-cmp-server with argocd-vault-plugin: both under the same Argo CD."""

import time
import unittest
from concurrent.futures import ThreadPoolExecutor

import place
import programs
import world
from apps import Apps, Repository, placeholder_app
from cluster import ARGO
from processes import wait_until

APPS = 200
# kustomize into argocd-vault-plugin, as its documentation has it.
OFFICIAL = """\
apiVersion: argoproj.io/v1alpha1
kind: ConfigManagementPlugin
metadata: {name: official}
spec:
  generate:
    command: [sh, -c, "kustomize build . | argocd-vault-plugin generate -"]
"""


class Many(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = place.cluster()
        cls.apps = Apps(cls.cluster)
        cls.repository = Repository(cls.cluster, "many")
        files = {}
        for i in range(APPS):
            cls.cluster.vault.api("POST", f"secret/data/blue/many-{i}", {"data": {"password": f"many-{i}-value"}})
            app = placeholder_app("blue", f"many-{i}", f"many-{i}")
            files |= {f"{i}/{name}": text for name, text in app.items()}
        cls.repository.commit(files)

    def official(self):
        """argocd-cmp-server of the same Argo CD, with the official programs."""
        programs.installed("kustomize")
        programs.installed("argocd-vault-plugin")
        folder = self.cluster.folder / "official"
        folder.mkdir()
        (folder / "plugin.yaml").write_text(OFFICIAL)
        server = self.cluster.server(
            "official", self.cluster.argo_cd_program, "cmp-server", "--config-dir-path", folder,
            ARGOCD_PLUGINSOCKFILEPATH=self.cluster.folder / "plugins", ARGOCD_CMP_WORKDIR=folder / "work",
            VAULT_ADDR=self.cluster.vault.address, AVP_TYPE="vault", AVP_AUTH_TYPE="token", VAULT_TOKEN=world.TOKEN)
        server.ready(lambda: (self.cluster.folder / "plugins/official.sock").exists())
        return server

    def all_synced(self, plugin):
        """Seconds from the first app's creation until all are synced; and that each has its secret."""
        api, namespace = self.cluster.api, f"many-{plugin}"
        self.cluster.object("v1", "Namespace", namespace, None)
        def create(i):
            self.apps.create(f"{plugin}-{i}", self.apps.source(self.repository, str(i), plugin),
                             labels={"set": namespace}, namespace=namespace)
        begin = time.monotonic()
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(create, range(APPS)))
        def synced():
            apps = api.list(ARGO, "Application", "argocd", labelSelector=f"set={namespace}")
            return sum(a.get("status", {}).get("sync", {}).get("status") == "Synced" for a in apps) == APPS
        wait_until(f"{APPS} apps are synced by {plugin}", synced, 600, 0.5)
        took = time.monotonic() - begin
        for i in range(APPS):
            self.assertEqual(self.apps.value(namespace, f"many-{i}"), f"many-{i}-value")
        api.delete(ARGO, "Application", "argocd", labelSelector=f"set={namespace}")
        wait_until("the apps are gone", lambda: not api.list(
            ARGO, "Application", "argocd", labelSelector=f"set={namespace}"))
        return took

    def test_two_hundred_apps_at_once_get_their_secrets_from_either_plugin(self):
        ours = self.all_synced("keyfill")
        server = self.official()
        try:
            theirs = self.all_synced("official")
        finally:
            server.stop()
            (self.cluster.folder / "plugins/official.sock").unlink(missing_ok=True)
        print(f"{APPS} apps are synced after {ours:.1f} s by keyfill serve, after {theirs:.1f} s by argocd-cmp-server "
              "with argocd-vault-plugin", flush=True)


if __name__ == "__main__":
    unittest.main()
