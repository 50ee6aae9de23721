"""Alerts and dashboard against a real Prometheus that scrapes a real `keyfill serve` under load."""

import http.server
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse
from pathlib import Path

import world

try:
    import yaml
except ImportError:
    raise unittest.SkipTest("PyYAML is not there") from None

MONITORING = world.ROOT / "deploy/monitoring"
# A load that ends: so many requests of each kind, four kinds side by side, until Prometheus has seen enough.
REQUESTS = 40
SECONDS = 45


def rules():
    return yaml.safe_load((MONITORING / "alerts.yaml").read_text())["spec"]


def queries():
    """The dashboard's queries with its variables as Grafana sets them."""
    board = json.loads((MONITORING / "dashboard.json").read_text())
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            expr = target["expr"].replace("$job", "keyfill-metrics").replace("$__rate_interval", "20s")
            yield panel["title"], re.sub(r"\$(namespace|pod)", ".*", expr)


class Rules(unittest.TestCase):
    def test_promtool_accepts_the_rules_and_their_unit_tests_pass(self):
        promtool = world.program("promtool")
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "rules.yaml").write_text(yaml.safe_dump(rules()))
            shutil.copy(world.ROOT / "tests/deploy/rules-test.yaml", folder)
            world.run(promtool, "check", "rules", "rules.yaml", cwd=folder)
            world.run(promtool, "test", "rules", "rules-test.yaml", cwd=folder)

    def test_each_metric_that_is_asked_for_is_documented(self):
        known = set(re.findall(r"`(keyfill_[a-z_]+)`", (world.ROOT / "docs/serve.md").read_text()))
        asked = "\n".join([expr for _, expr in queries()] + [r["expr"] for r in rules()["groups"][0]["rules"]])
        names = {re.sub("_(bucket|sum|count)$", "", n) for n in re.findall(r"keyfill_[a-z_]+", asked)}
        self.assertLessEqual(names - {"keyfill"}, known)


class Dashboard(unittest.TestCase):
    def setUp(self):
        self.client, prometheus = world.program("cmp-client"), world.program("prometheus")
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        vault = world.Vault(str(self.folder))
        self.addCleanup(vault.stop)
        vault.api("POST", "secret/data/team/app", {"data": {"user": "alice-value"}})
        self.flags = self.doppler()
        metrics = self.serve(vault)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.prometheus = "http://127.0.0.1:%d" % free.getsockname()[1]
        (self.folder / "rules.yaml").write_text(yaml.safe_dump(rules()))
        job = {"job_name": "keyfill-metrics", "static_configs": [{"targets": [metrics]}]}
        (self.folder / "prometheus.yaml").write_text(yaml.safe_dump(
            {"global": {"scrape_interval": "2s", "evaluation_interval": "2s"}, "rule_files": ["rules.yaml"],
             "scrape_configs": [job]}))
        self.start([prometheus, f"--config.file={self.folder}/prometheus.yaml",
                    f"--storage.tsdb.path={self.folder}/data", "--log.level=error",
                    "--web.listen-address=" + self.prometheus.removeprefix("http://")])

    def start(self, command, **more):
        process = subprocess.Popen(command, **more)
        self.addCleanup(process.wait, 20)
        self.addCleanup(process.kill)
        return process

    def serve(self, vault):
        """Starts the sidecar; where its metrics are."""
        shutil.copy(world.ROOT / "plugin.yaml", self.folder)
        log = self.folder / "log"
        env = {"ARGOCD_PLUGINSOCKFILEPATH": str(self.folder), "VAULT_ADDR": vault.address, "VAULT_TOKEN": world.TOKEN,
               "KEYFILL_ALLOWED_PATHS": "secret/data/{{ app.project }}/*,flags::{{ app.project }}/*"}
        settings = self.folder / "settings.yaml"
        settings.write_text(yaml.safe_dump(
            {"stores": {"flags": {"type": "doppler", "token": "t", "api_host": self.flags}}}))
        settings.chmod(0o600)
        command = [world.KEYFILL, "serve", "--config-dir-path", self.folder, "--metrics", "127.0.0.1:0",
                   "-c", settings, "--refs", "--refresh-interval", "1s"]
        with log.open("w") as stderr:
            self.start(command, env=env, stderr=stderr)
        for _ in range(200):
            if found := re.search("msg=metrics address=(.+)", log.read_text()):
                return found[1]
            time.sleep(0.1)
        raise AssertionError(f"it does not say where its metrics are: {log.read_text()}")

    def doppler(self):
        """The address of a store that is not Vault; it refuses every config but one."""
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                good = "config=prd" in self.path
                body = json.dumps({"secrets": {"user": {"computed": "alice-value"}}} if good else {"messages": ["no"]})
                self.send_response(200 if good else 403)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.shutdown)
        return "http://127.0.0.1:%d" % server.server_address[1]

    def app(self, name, *paths):
        folder = self.folder / name / "app"
        folder.mkdir(parents=True)
        data = "".join(f"  k{number}: <path:{path}#user>\n" for number, path in enumerate(paths))
        (folder / "a.yaml").write_text(f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{data}")
        return folder.parent

    def load(self, folder, call, name):
        return subprocess.Popen(
            [self.client, "-socket", self.folder / "keyfill.sock", "-folder", folder, "-path", "app", "-call", call,
             "-repeat", str(REQUESTS), "-env", f"ARGOCD_APP_NAME={name}", "-env", "ARGOCD_APP_PROJECT_NAME=team"],
            stdout=subprocess.DEVNULL)

    def ask(self, expr):
        """The samples of a query that are numbers."""
        answer = json.loads(world.ask(f"{self.prometheus}/api/v1/query?" + urllib.parse.urlencode({"query": expr})))
        return [s["value"][1] for s in answer["data"]["result"] if s["value"][1] != "NaN"]

    def test_no_query_of_the_dashboard_is_empty_under_load(self):
        good = self.app("good", "secret/data/team/app", "flags::team/prd")
        bad, other = self.app("bad", "secret/data/team/none"), self.app("other", "flags::team/none")
        wanted, empty = list(queries()), ["not asked"]
        until = time.monotonic() + SECONDS
        while empty and time.monotonic() < until:
            clients = [self.load(good, "GenerateManifest", "web"), self.load(bad, "GenerateManifest", "broken"),
                       self.load(other, "GenerateManifest", "broken"),
                       self.load(good, "MatchRepository", "web"), self.load(good, "GetParametersAnnouncement", "web")]
            for client in clients:
                self.assertEqual(client.wait(60), 0)
            try:
                empty = [(title, expr) for title, expr in wanted if not self.ask(expr)]
            except OSError:
                empty = ["prometheus does not answer yet"]
        self.assertEqual(empty, [])
        self.assertGreater(len(wanted), 20)
        self.assertEqual(self.ask('sum(keyfill_app_requests_total{app="broken",result="ok"})'), ["0"])
        state = json.loads(world.ask(f"{self.prometheus}/api/v1/rules"))["data"]["groups"]
        self.assertEqual({r["health"] for group in state for r in group["rules"]}, {"ok"})
        self.assertNotIn("alice-value", (self.folder / "log").read_text())


if __name__ == "__main__":
    unittest.main()
