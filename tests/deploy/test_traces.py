"""Traces of `keyfill serve` at a collector that reads them with OpenTelemetry's own schema."""

import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest
from concurrent import futures
from pathlib import Path

import world

try:
    import grpc
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service
except ImportError:
    raise unittest.SkipTest("opentelemetry-proto and grpcio are not there") from None

METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


class Collector(grpc.GenericRpcHandler):
    """Takes spans and keeps them."""

    def __init__(self, identity=None):
        self.requests, self.metadata, self.came = [], {}, threading.Event()
        self.server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[self])
        if identity:
            port = self.server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([identity]))
        else:
            port = self.server.add_insecure_port("127.0.0.1:0")
        self.address = f"127.0.0.1:{port}"
        self.server.start()

    def service(self, call):
        if call.method != METHOD:
            return None
        return grpc.unary_unary_rpc_method_handler(
            self.export, service.ExportTraceServiceRequest.FromString,
            service.ExportTraceServiceResponse.SerializeToString)

    def export(self, request, context):
        self.requests.append(request)
        self.metadata.update(context.invocation_metadata())
        self.came.set()
        return service.ExportTraceServiceResponse()

    def spans(self):
        return [span for r in self.requests for rs in r.resource_spans for s in rs.scope_spans for span in s.spans]


class Traces(unittest.TestCase):
    def setUp(self):
        self.client = world.program("cmp-client")
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copy(world.ROOT / "plugin.yaml", self.folder)
        secrets = self.folder / "secrets.yaml"
        secrets.write_text("kv/data/team/canary-path:\n  canary-key: canary-value\n")
        secrets.chmod(0o600)

    def start(self, *flags, **more):
        log = (self.folder / "log").open("w")
        self.addCleanup(log.close)
        env = {"ARGOCD_PLUGINSOCKFILEPATH": str(self.folder), "KEYFILL_ALLOWED_PATHS": "kv/data/{{ app.project }}/*",
               **more}
        server = subprocess.Popen(
            [world.KEYFILL, "serve", "--config-dir-path", self.folder, "--source", "file", "--secrets-file",
             self.folder / "secrets.yaml", "--grace", "5s", *flags], env=env, stderr=log)
        self.addCleanup(server.wait, 20)
        self.addCleanup(server.kill)
        for _ in range(200):
            if (self.folder / "keyfill.sock").exists():
                return server
            time.sleep(0.05)
        raise AssertionError((self.folder / "log").read_text())

    def app(self, key):
        folder = self.folder / "repository"
        (folder / "app").mkdir(parents=True, exist_ok=True)
        (folder / "app/a.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
                                           f"data: {{a: <path:kv/data/team/canary-path#{key}>}}\n")
        return folder

    def call(self, key):
        world.run(self.client, "-socket", self.folder / "keyfill.sock", "-folder", self.app(key), "-path", "app",
                  "-env", "ARGOCD_APP_NAME=web", "-env", "ARGOCD_APP_PROJECT_NAME=team")

    def test_a_request_arrives_as_a_span_with_its_stages_and_without_what_it_read(self):
        collector = Collector()
        self.addCleanup(collector.server.stop, None)
        server = self.start("--otlp-address", collector.address, "--otlp-headers", "authorization=canary-header",
                            "--otlp-attrs", "cluster:test,wrong")
        self.call("canary-key")
        self.call("canary-missing")
        # What waits is sent before the process ends.
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(20), 0)
        spans = collector.spans()
        good, bad = (next(s for s in spans if s.name == "generate" and s.status.code == code) for code in (0, 2))
        children = {s.name for s in spans if s.parent_span_id == good.span_id}
        self.assertEqual(children, {"render", "fill", "read secrets"})
        self.assertTrue(all(s.trace_id in (good.trace_id, bad.trace_id) for s in spans))
        self.assertEqual((len(good.trace_id), len(good.span_id), good.kind), (16, 8, 2))
        self.assertTrue(0 < good.end_time_unix_nano - good.start_time_unix_nano < 20 * 10**9)
        self.assertLess(abs(good.end_time_unix_nano / 1e9 - time.time()), 60)
        attributes = {a.key: a.value for a in good.attributes}
        self.assertEqual(attributes["argocd.app"].string_value, "web")
        self.assertEqual(attributes["keyfill.secrets"].int_value, 1)
        self.assertEqual(bad.status.message, "missing")
        resource = {a.key: a.value.string_value for a in collector.requests[0].resource_spans[0].resource.attributes}
        self.assertEqual(resource, {"service.name": "argocd-cmp-server", "cluster": "test"})
        self.assertEqual(collector.metadata["authorization"], "canary-header")
        log = (self.folder / "log").read_text()
        for text in ("".join(map(str, collector.requests)), re.sub(r"error=.*", "", log)):
            for secret in ("canary-value", "canary-path", "canary-key", "canary-header"):
                self.assertNotIn(secret, text)

    def test_a_collector_that_is_not_there_holds_up_nobody(self):
        server = self.start("--otlp-address", "127.0.0.1:1")
        begin = time.monotonic()
        for _ in range(5):
            self.call("canary-key")
        self.assertLess(time.monotonic() - begin, 10)
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(20), 0)
        self.assertIn("traces cannot be sent", (self.folder / "log").read_text())

    def certificate(self):
        """A certificate for 127.0.0.1, of an authority in `ca.crt`: the key and the certificate, in PEM."""
        def openssl(*words):
            world.run(world.program("openssl"), *words, cwd=self.folder)
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority", "-keyout",
                "ca.key", "-out", "ca.crt")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=collector", "-keyout", "tls.key", "-out", "tls.csr")
        (self.folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "tls.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "names", "-out", "tls.crt")
        return (self.folder / "tls.key").read_bytes(), (self.folder / "tls.crt").read_bytes()

    def test_with_tls_a_request_arrives_at_a_collector_whose_certificate_is_trusted(self):
        collector = Collector(self.certificate())
        self.addCleanup(collector.server.stop, None)
        server = self.start("--otlp-address", collector.address, "--otlp-insecure=false",
                            SSL_CERT_FILE=str(self.folder / "ca.crt"))
        self.call("canary-key")
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(20), 0)
        self.assertIn("generate", [span.name for span in collector.spans()])
        self.assertNotIn("traces cannot be sent", (self.folder / "log").read_text())

    def test_nothing_is_sent_to_a_collector_whose_certificate_is_not_trusted(self):
        collector = Collector(self.certificate())
        self.addCleanup(collector.server.stop, None)
        server = self.start("--otlp-address", collector.address, "--otlp-insecure=false")
        self.call("canary-key")
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(20), 0)
        self.assertEqual(collector.spans(), [])
        log = (self.folder / "log").read_text()
        self.assertIn("traces cannot be sent", log)
        self.assertIn("certificate", log)


if __name__ == "__main__":
    unittest.main()
