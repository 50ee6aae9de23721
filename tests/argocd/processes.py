"""Processes that the test set starts, each with a log."""

import os
import socket
import subprocess
import threading
import time


def free_port():
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, condition, seconds=30, every=0.2):
    """Waits for a condition; what it gave. Fails with what was waited for, and what a call of `what` says."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(every)


class Server:
    """A process whose output goes to a log."""

    def __init__(self, folder, name, command, env):
        self.name = name
        self.command = [str(c) for c in command]
        self.env = env
        self.log = folder / f"{name}.log"
        self.process = None

    def start(self):
        """Starts it."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.log.parent)
        return self

    def ready(self, condition, seconds=60):
        """Waits until a condition holds; fails when the process ended, or with the end of its log."""
        def check():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")
            return condition()
        wait_until(lambda: f"{self.name} is ready:\n{self.tail()}", check, seconds)

    def listening(self, port):
        """Waits until it takes connections."""
        def connects():
            with socket.socket() as client:
                return client.connect_ex(("127.0.0.1", port)) == 0
        self.ready(connects)

    def tail(self, lines=20):
        """The last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").split("\n")[-lines:])

    def stop(self):
        """Ends it."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)


class Restarted(Server):
    """A process that is started again when it ends, as kubelet does with a native sidecar."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.ended = []
        self.keep = True

    def start(self):
        super().start()
        threading.Thread(target=self.watch, daemon=True).start()
        return self

    def watch(self):
        """Starts it anew each time, until it is stopped."""
        while True:
            code = self.process.wait()
            if not self.keep:
                return
            self.ended.append(code)
            super().start()

    def stop(self):
        self.keep = False
        super().stop()


def children(parent):
    """The processes that a process started, by their ids."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as stat:
                if int(stat.read().rpartition(")")[2].split()[1]) == parent:
                    found.append(int(name))
        except OSError:
            # It ended meanwhile.
            continue
    return found
