"""A cluster with Argo CD in it: etcd, the API server, redis, Argo CD's controllers and repo-server, a real Vault, and
`keyfill serve` with the flags and variables of deploy/repo-server-serve.yaml. Nothing but loopback addresses.

There is no kubelet and none of Kubernetes' own controllers: what is synced are objects that need neither.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

import programs
import world
from api import Api, Refused
from processes import Restarted, Server, free_port, wait_until
from sources import Sources

ADMINISTRATOR = "administrator-of-the-test"
PROJECTS = ("blue", "green")
ARGO = "argoproj.io/v1alpha1"


def sidecar():
    """The sidecar of deploy/repo-server-serve.yaml."""
    patch = yaml.safe_load((programs.ROOT / "deploy/repo-server-serve.yaml").read_text())
    return patch["spec"]["template"]["spec"]["initContainers"][0]


class Cluster:
    """The whole; `start` brings it up as far as the controllers, which `run_argo_cd` starts."""

    def __init__(self, keyfill):
        self.keyfill = keyfill
        self.folder = Path(tempfile.mkdtemp(prefix="keyfill-argocd-"))
        self.servers = []
        self.vault = None
        self.sources = None

    def server(self, name, *command, kind=Server, **env):
        """Starts a process; what it gets of this machine's environment is its path."""
        home = self.folder / "home" / name
        home.mkdir(parents=True, exist_ok=True)
        commands = self.folder / "bin"
        whole = {"PATH": f"{commands}:{programs.ORACLES}:{os.environ['PATH']}", "HOME": str(home),
                 "TMPDIR": str(home), "LANG": "C.UTF-8", **{k: str(v) for k, v in env.items()}}
        server = kind(self.folder, name, command, whole)
        self.servers.append(server)
        return server.start()

    def start(self):
        """Brings up everything that Argo CD stands on."""
        self.argo_cd_program = programs.built("argo-cd")
        self.argo_cd_sources = programs.argo_cd()
        commands = self.folder / "bin"
        commands.mkdir()
        shutil.copy(self.argo_cd_sources / "hack/git-verify-wrapper.sh", commands)
        (commands / "git-verify-wrapper.sh").chmod(0o755)
        shutil.copy(programs.ROOT / "tests/deploy/vault-command", commands / "vault")
        self.certificates()
        self.api_server()
        self.redis()
        self.definitions()
        self.vault = world.Vault(str(self.folder / "vault"))
        self.trust_of_vault()
        self.sources = Sources(self.folder / "sources")
        return self

    def certificates(self):
        """A CA, the API server's certificate, and the key that service accounts' tokens are signed with."""
        where = self.folder / "tls"
        where.mkdir()
        (self.folder / "vault").mkdir()
        def openssl(*words):
            subprocess.run(["openssl", *words], cwd=where, check=True, capture_output=True, timeout=60)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2",
                "-subj", "/CN=cluster")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "server.key", "-out", "server.csr", "-subj",
                "/CN=kube-apiserver")
        (where / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                "server.crt", "-days", "2", "-extfile", "names")
        openssl("genrsa", "-out", "accounts.key", "2048")
        self.tls = where

    def api_server(self):
        """etcd and the API server."""
        program = programs.built("kube-apiserver")
        client, peer = free_port(), free_port()
        self.server("etcd", programs.installed("etcd"), "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
                    "--listen-client-urls", f"http://127.0.0.1:{client}",
                    "--advertise-client-urls", f"http://127.0.0.1:{client}",
                    "--listen-peer-urls", f"http://127.0.0.1:{peer}",
                    "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
                    "--initial-cluster", f"default=http://127.0.0.1:{peer}").listening(client)
        (self.folder / "tokens").write_text(f"{ADMINISTRATOR},administrator,1,system:masters\n")
        self.port = free_port()
        server = self.server(
            "kube-apiserver", program, f"--etcd-servers=http://127.0.0.1:{client}", f"--secure-port={self.port}",
            "--bind-address=127.0.0.1", f"--tls-cert-file={self.tls}/server.crt",
            f"--tls-private-key-file={self.tls}/server.key", f"--token-auth-file={self.folder}/tokens",
            f"--service-account-key-file={self.tls}/accounts.key",
            f"--service-account-signing-key-file={self.tls}/accounts.key",
            "--service-account-issuer=https://kubernetes.default.svc", "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.96.0.0/16", f"--cert-dir={self.folder}/certificates")
        self.api = Api(self.port, ADMINISTRATOR, self.tls / "ca.crt")
        def answers():
            try:
                return self.api.request("GET", "/readyz") == "ok"
            except (OSError, Refused):
                return False
        server.ready(answers)
        (self.folder / "kubeconfig").write_text(yaml.safe_dump({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": self.address, "certificate-authority":
                                                      str(self.tls / "ca.crt")}}],
            "users": [{"name": "test", "user": {"token": ADMINISTRATOR}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test", "namespace": "argocd"}}]}))

    @property
    def address(self):
        """The API server's."""
        return f"https://127.0.0.1:{self.port}"

    def redis(self):
        """Argo CD's cache."""
        self.redis_port = free_port()
        self.server("redis", programs.installed("redis-server"), "--bind", "127.0.0.1", "--port", self.redis_port,
                    "--save", "", "--appendonly", "no").listening(self.redis_port)

    def definitions(self):
        """Argo CD's definitions, its settings, its projects and the cluster as a destination."""
        for name in ("application", "applicationset", "appproject"):
            self.define(self.argo_cd_sources / f"manifests/crds/{name}-crd.yaml")
        for name in ("argocd", *PROJECTS):
            self.object("v1", "Namespace", name, None)
        settings = {"argocd-cm": {"timeout.reconciliation": "10s", "timeout.reconciliation.jitter": "0s"}}
        for name in ("argocd-cm", "argocd-rbac-cm", "argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm",
                     "argocd-gpg-keys-cm", "argocd-cmd-params-cm"):
            self.object("v1", "ConfigMap", name, data=settings.get(name, {}), labels={"part-of": "argocd"})
        self.object("v1", "Secret", "argocd-secret", stringData={"server.secretkey": "key-of-the-test"},
                    labels={"part-of": "argocd"})
        authority = (self.tls / "ca.crt").read_text()
        self.api.apply({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "cluster", "namespace": "argocd",
                         "labels": {"argocd.argoproj.io/secret-type": "cluster"}},
            "stringData": {"name": "test", "server": self.address, "config": json.dumps({
                "bearerToken": ADMINISTRATOR,
                "tlsClientConfig": {"caData": base64.b64encode(authority.encode()).decode()}})}})
        for name in ("default", *PROJECTS):
            self.api.apply({"apiVersion": ARGO, "kind": "AppProject", "metadata": {"name": name, "namespace": "argocd"},
                            "spec": {"sourceRepos": ["*"], "destinations": [{"namespace": "*", "server": "*"}],
                                     "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]}})

    def define(self, path):
        """Applies a file of definitions, and waits until the API server serves them."""
        for thing in filter(None, yaml.safe_load_all(path.read_text())):
            self.api.apply(thing)
            version, spec = f"{thing['spec']['group']}/{thing['spec']['versions'][0]['name']}", thing["spec"]
            def served(version=version, kind=spec["names"]["kind"]):
                try:
                    return self.api.path(version, kind)
                except (Refused, KeyError):
                    return None
            wait_until(f"{version} {spec['names']['kind']} is served", served)

    def object(self, version, kind, name, namespace="argocd", labels=None, **fields):
        """Applies a small object."""
        meta = {"name": name, **({"namespace": namespace} if namespace else {})}
        if labels:
            meta["labels"] = {f"app.kubernetes.io/{k}": v for k, v in labels.items()}
        return self.api.apply({"apiVersion": version, "kind": kind, "metadata": meta, **fields})

    def trust_of_vault(self):
        """Vault asks the API server whose a token is, and has a policy for each project: by the scripts of deploy/."""
        self.object("v1", "ServiceAccount", "vault")
        self.object("v1", "ServiceAccount", "argocd-repo-server")
        self.object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "vault-token-review", None,
                    roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                             "name": "system:auth-delegator"},
                    subjects=[{"kind": "ServiceAccount", "name": "vault", "namespace": "argocd"}])
        env = {"PATH": f"{self.folder}/bin:{os.environ['PATH']}", "VAULT_ADDR": self.vault.address,
               "VAULT_TOKEN": world.TOKEN}
        scripts = programs.ROOT / "deploy/vault"
        for project in PROJECTS:
            world.run("sh", scripts / "project-policy.sh", env={**env, "PROJECT": project})
        world.run("sh", scripts / "kubernetes-auth.sh", "disable_local_ca_jwt=true",
                  f"kubernetes_ca_cert={(self.tls / 'ca.crt').read_text()}",
                  f"token_reviewer_jwt={self.api.token_of('argocd', 'vault')}",
                  env={**env, "PROJECTS": " ".join(PROJECTS), "KUBERNETES_HOST": self.address})

    def account_of_the_sidecar(self):
        """What deploy/refresh gives the sidecar: its rights, and a token with the cluster's certificate; the folder."""
        for thing in filter(None, yaml.safe_load_all((programs.ROOT / "deploy/refresh/rbac.yaml").read_text())):
            self.api.apply(thing, fieldValidation="Strict")
        folder = self.folder / "account"
        folder.mkdir(exist_ok=True)
        (folder / "token").write_text(self.api.token_of("argocd", "argocd-repo-server"))
        (folder / "ca.crt").write_text((self.tls / "ca.crt").read_text())
        (folder / "namespace").write_text("argocd")
        return folder

    def run_keyfill(self):
        """The sidecar: the flags and variables of deploy/ and deploy/refresh, but for addresses and files."""
        container = sidecar()
        (self.folder / "plugins").mkdir(exist_ok=True)
        token = self.folder / "vault-token"
        token.write_text(self.api.token_of("argocd", "argocd-repo-server", "vault"))
        self.metrics_port = free_port()
        args = [a for a in container["args"] if not a.startswith("--metrics")]
        env = {v["name"]: v["value"] for v in container["env"]}
        env |= {"VAULT_ADDR": self.vault.address, "AVP_K8S_TOKEN_PATH": token,
                "ARGOCD_PLUGINSOCKFILEPATH": self.folder / "plugins", "KUBERNETES_SERVICE_HOST": "127.0.0.1",
                "KUBERNETES_SERVICE_PORT": self.port, "KEYFILL_SERVICE_ACCOUNT": self.account_of_the_sidecar(),
                "KEYFILL_FILL": "hydrated", "KEYFILL_FILL_REVISIONS": "main,environments/*",
                "KEYFILL_FETCH_HOSTS": f"{self.sources.address}/*", "KEYFILL_ARGOCD_REPOSITORIES": "argocd",
                "KEYFILL_CACHE_DIR": self.folder / "cache",
                "KEYFILL_REFRESH": "true", "KEYFILL_REFRESH_INTERVAL": "5s", "KEYFILL_REFRESH_SPREAD": "1s"}
        # The test's Vault has no TLS; tests/stores has one that does.
        del env["VAULT_CACERT"]
        self.sidecar = self.server("keyfill", self.keyfill, *args, f"--metrics=127.0.0.1:{self.metrics_port}",
                                   f"--config-dir-path={programs.ROOT}", kind=Restarted, **env)
        self.sidecar.ready(lambda: (self.folder / "plugins/keyfill.sock").exists())

    def run_argo_cd(self):
        """repo-server, the hydrator's commit server, and both controllers."""
        self.repo_server = self.argo_cd(
            "repo-server", "--redis", f"127.0.0.1:{self.redis_port}", "--disable-tls", "--client-ca-path=",
            ARGOCD_GPG_ENABLED="false", ARGOCD_GNUPGHOME=self.folder / "home/repo-server",
            ARGOCD_PLUGINSOCKFILEPATH=self.folder / "plugins")
        self.repo_server.listening(self.repo_port)
        self.argo_cd("commit-server").listening(self.commit_port)
        self.argo_cd("application-controller", "--kubeconfig", self.folder / "kubeconfig", "--namespace", "argocd",
                     "--redis", f"127.0.0.1:{self.redis_port}", "--repo-server", f"127.0.0.1:{self.repo_port}",
                     "--repo-server-plaintext", "--app-resync", "10", "--hydrator-enabled",
                     "--commit-server", f"127.0.0.1:{self.commit_port}")
        self.argo_cd("applicationset-controller", "--kubeconfig", self.folder / "kubeconfig", "--namespace", "argocd",
                     "--argocd-repo-server", f"127.0.0.1:{self.repo_port}", "--repo-server-plaintext",
                     "--enable-leader-election=false", KUBECONFIG=self.folder / "kubeconfig")

    def argo_cd(self, name, *flags, **env):
        """One of Argo CD's servers, on free ports."""
        ports = {"application-controller": ["--metrics-port"]}
        words = []
        if name == "repo-server":
            self.repo_port = free_port()
            words = ["--address", "127.0.0.1", "--port", self.repo_port, "--metrics-address", "127.0.0.1",
                     "--metrics-port", free_port()]
        elif name == "commit-server":
            self.commit_port = free_port()
            words = ["--address", "127.0.0.1", "--port", self.commit_port, "--metrics-address", "127.0.0.1",
                     "--metrics-port", free_port()]
        elif name == "applicationset-controller":
            for flag in ("--metrics-addr", "--probe-addr", "--webhook-addr"):
                words += [flag, f"127.0.0.1:{free_port()}"]
        for flag in ports.get(name, []):
            words += [flag, free_port()]
        return self.server(name, self.argo_cd_program, name, *words, *flags, **env)

    def metric(self, name):
        """The sum of a metric of the sidecar."""
        text = world.ask(f"http://127.0.0.1:{self.metrics_port}/metrics")
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.split("\n") if line.startswith((name + "{", name + " ")))

    def stop(self):
        """Ends all of it."""
        for server in reversed(self.servers):
            server.stop()
        if self.vault:
            self.vault.stop()
        if self.sources:
            self.sources.stop()
        if os.environ.get("KEYFILL_TEST_KEEP"):
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)
