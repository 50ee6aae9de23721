"""What apps fetch from: a chart repository and git repositories behind one server that asks for a login."""

import base64
import gzip
import hashlib
import http.server
import io
import os
import subprocess
import tarfile
import threading

USER, PASSWORD = "reader", "login-of-the-sources"
LOGIN = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def archive(name, files):
    """A chart as `helm package` packs it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in files.items():
            about = tarfile.TarInfo(f"{name}/{path}")
            about.size = len(text)
            tar.addfile(about, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


class Sources:
    """The server: charts below /charts, repositories of a folder below /git."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.files = {}
        self.refused = 0
        sources = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self):
                """Answers a request of somebody who has the login."""
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if self.headers.get("Authorization") != LOGIN:
                    sources.refused += 1
                    return self.reply(401, {"WWW-Authenticate": 'Basic realm="test"'}, b"")
                if self.path.startswith("/git/"):
                    return self.reply(*sources.git_backend(self, body))
                content = sources.files.get(self.path)
                return self.reply(404 if content is None else 200, {}, content or b"")

            do_GET = do_POST = answer

            def reply(self, status, headers, body):
                self.send_response(status)
                for name, value in {**headers, "Content-Length": len(body)}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def git_backend(self, request, body):
        """What `git http-backend` answers."""
        path, _, query = request.path.removeprefix("/git").partition("?")
        env = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(self.folder), "GIT_HTTP_EXPORT_ALL": "1",
               "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""), "REQUEST_METHOD": request.command,
               "PATH_INFO": path, "QUERY_STRING": query, "CONTENT_LENGTH": str(len(body)),
               "CONTENT_TYPE": request.headers.get("Content-Type", "")}
        done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, timeout=60, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        return int(headers.pop("Status", "200")[:3]), headers, content

    def chart(self, name, version, files):
        """Publishes a chart."""
        about = f"apiVersion: v2\nname: {name}\nversion: {version}\n"
        packed = archive(name, {"Chart.yaml": about, **files})
        self.files[f"/charts/{name}-{version}.tgz"] = packed
        digest = hashlib.sha256(packed).hexdigest()
        self.files["/charts/index.yaml"] = (
            f"apiVersion: v1\nentries:\n  {name}:\n  - {{apiVersion: v2, name: {name}, version: {version}, "
            f"urls: [{name}-{version}.tgz], digest: {digest}}}\n").encode()

    def repository(self, name, files):
        """Publishes a repository with one commit on its branch `main`; its address."""
        work = self.folder / f"{name}.work"
        for path, text in files.items():
            (work / path).parent.mkdir(parents=True, exist_ok=True)
            (work / path).write_text(text)
        def git(*words):
            subprocess.run(["git", "-c", "user.name=test", "-c", "user.email=test@example.com", *words], cwd=work,
                           check=True, capture_output=True, timeout=60)
        git("init", "--quiet", "--initial-branch=main")
        git("add", "--all")
        git("commit", "--quiet", "--message", "base")
        git("clone", "--quiet", "--bare", ".", self.folder / f"{name}.git")
        subprocess.run(["git", "config", "uploadpack.allowFilter", "true"], cwd=self.folder / f"{name}.git", check=True)
        return f"{self.address}/git/{name}.git"

    def stop(self):
        """Ends the server."""
        self.server.shutdown()
        self.server.server_close()
