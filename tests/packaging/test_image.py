"""The image's files, as a root of their own: uid 999, nothing to write but the mounts that the sidecar has."""

import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest
from pathlib import Path

import place

# Runs in a mount namespace of its own, which ends with the server.
ENTER = """
set -e
mount --bind "$ROOT" "$ROOT"
mkdir -p "$ROOT/proc" "$ROOT/tmp" "$ROOT/dev" "$ROOT/plugins"
mount --rbind /proc "$ROOT/proc"
touch "$ROOT/dev/null" "$ROOT/dev/urandom"
mount --bind /dev/null "$ROOT/dev/null"
mount --bind /dev/urandom "$ROOT/dev/urandom"
mount -t tmpfs -o mode=1777 tmpfs "$ROOT/tmp"
mount --bind "$PLUGINS" "$ROOT/plugins"
mount -o remount,bind,ro "$ROOT"
exec chroot --userspec=999:999 "$ROOT" "$@"
"""


def libraries(binary):
    """What a binary of this machine needs beside itself; nothing when it is static."""
    done = subprocess.run(["ldd", binary], capture_output=True, text=True)
    return re.findall(r"(/[^ ]+) \(0x", done.stdout) if done.returncode == 0 else []


class Image(place.Fresh):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0:
            self.skipTest("changing the root folder needs root")
        place.program("unshare")
        place.program("chroot")
        self.root = self.folder / "image"
        self.said = place.run(place.ROOT / "packaging/image.sh", self.binary, self.root)

    def serve(self):
        """Starts `keyfill serve` in the image; where its sockets are."""
        plugins = self.folder / "plugins"
        plugins.mkdir()
        os.chown(plugins, 999, 999)
        os.chmod(self.folder, 0o755)
        for name in libraries(self.binary):
            (self.root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, self.root / name[1:])
        (self.root / "secrets.yaml").write_text("kv/data/team/app:\n  user: alice-value\n")
        os.chown(self.root / "secrets.yaml", 999, 999)
        os.chmod(self.root / "secrets.yaml", 0o600)
        command = ["/usr/local/bin/argocd-cmp-server", "--metrics", "127.0.0.1:0", "--source", "file",
                   "--secrets-file", "/secrets.yaml"]
        env = {"ROOT": str(self.root), "PLUGINS": str(plugins), "PATH": os.environ["PATH"],
               "ARGOCD_PLUGINSOCKFILEPATH": "/plugins", "KEYFILL_ALLOWED_PATHS": "kv/data/{{ app.project }}/*"}
        self.log = (self.folder / "log").open("w+")
        self.addCleanup(self.log.close)
        self.server = subprocess.Popen(["unshare", "--mount", "bash", "-c", ENTER, "enter", *command], env=env, stderr=self.log)
        self.addCleanup(self.end)
        for _ in range(200):
            if (plugins / "keyfill.sock").exists() or self.server.poll() is not None:
                break
            time.sleep(0.1)
        return plugins

    def end(self):
        self.server.send_signal(signal.SIGKILL)
        self.server.wait(20)

    def logged(self):
        self.log.seek(0)
        return self.log.read()

    def test_the_sidecar_answers_as_uid_999_with_a_read_only_root(self):
        client = place.program("cmp-client")
        plugins = self.serve()
        if re.search("unshare: .*not permitted|mount: .*(denied|not permitted)", self.logged()):
            self.skipTest("this machine allows no mounts")
        app = self.folder / "repository/app"
        app.mkdir(parents=True)
        (app / "a.yaml").write_text(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: <path:kv/data/team/app#user>}\n")
        self.assertTrue((plugins / "keyfill.sock").exists(), self.logged())
        said = place.run(client, "-socket", plugins / "keyfill.sock", "-folder", app.parent, "-path", "app",
                         "-env", "ARGOCD_APP_NAME=web", "-env", "ARGOCD_APP_PROJECT_NAME=team")
        manifest = json.loads(json.loads(said)["one"][0])
        self.assertEqual(manifest["data"]["a"], "alice-value")
        mounts = [line.split() for line in Path(f"/proc/{self.server.pid}/mountinfo").read_text().splitlines()]
        root = next(fields for fields in mounts if fields[4] == "/")
        self.assertEqual(root[5].split(",")[0], "ro")
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        self.assertRegex(status, r"Uid:\t999\t999\t999\t999")
        self.assertRegex(status, r"CapEff:\t0000000000000000")

    def test_nothing_in_the_image_belongs_to_a_shell(self):
        files = {str(p.relative_to(self.root)) for p in self.root.rglob("*") if not p.is_dir()}
        self.assertEqual(files, {"usr/local/bin/keyfill", "usr/local/bin/argocd-vault-plugin",
                                 "usr/local/bin/argocd-cmp-server", "etc/ssl/certs/ca-certificates.crt",
                                 "home/argocd/cmp-server/config/plugin.yaml"})

    def test_the_image_is_at_most_30_megabytes(self):
        size = int(re.search(r": (\d+) bytes", self.said)[1])
        print(f"the image's files: {size / 1e6:.1f} MB", end=" ", flush=True)
        self.assertLess(size, 30_000_000)

    def test_the_steps_are_those_of_the_dockerfile(self):
        text = (place.ROOT / "Dockerfile").read_text()
        static = text.split("FROM scratch AS static", 1)[1].split("FROM ", 1)[0]
        for line in ("/etc/ssl/certs/ca-certificates.crt", "plugin.yaml /home/argocd/cmp-server/config/plugin.yaml",
                     "USER 999", 'ENTRYPOINT ["/usr/local/bin/keyfill"]'):
            self.assertIn(line, static)
        copied = re.findall("^COPY ", static, re.M)
        self.assertEqual(len(copied), 3, "packaging/image.sh knows three COPY lines")


if __name__ == "__main__":
    unittest.main()
