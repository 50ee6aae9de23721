"""The sidecar is ended while apps are synced: it comes back, and every app gets its secret."""

import os
import signal
import time
import unittest

import place
from apps import Apps, Repository, placeholder_app
from processes import children, wait_until

APPS = 30


class Restarts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = place.cluster()
        cls.apps = Apps(cls.cluster)
        cls.repository = Repository(cls.cluster, "restarts")

    def ended_during_syncs(self, name, number):
        """Creates apps, sends a signal as soon as the first of them are rendered, and waits for all of them; how the
        sidecar ended."""
        for i in range(APPS):
            self.cluster.vault.api("POST", f"secret/data/blue/{name}-{i}", {"data": {"password": f"{name}-{i}-value"}})
            self.repository.commit(placeholder_app("blue", f"{name}-{i}", f"{name}-{i}"), f"{name}-{i}")
        sidecar = self.cluster.sidecar
        process, before = sidecar.process, self.cluster.metric("keyfill_app_requests_total")
        workers = children(process.pid)
        self.assertTrue(workers)
        for i in range(APPS):
            self.apps.create(f"{name}-{i}", self.apps.source(self.repository, f"{name}-{i}"), labels={"set": name})
        wait_until("the first app is rendered", lambda: self.cluster.metric("keyfill_app_requests_total") > before, 30, 0.02)
        os.kill(process.pid, number)
        code = process.wait(40)
        begin = time.monotonic()
        for i in range(APPS):
            self.apps.synced(f"{name}-{i}", 120)
            self.apps.has("blue", f"{name}-{i}", f"{name}-{i}-value")
        print(f"{name}: all {APPS} apps are synced {time.monotonic() - begin:.1f} s after the sidecar ended", flush=True)
        self.assertNotEqual(sidecar.process.pid, process.pid)
        wait_until("the workers are gone", lambda: not any(os.path.exists(f"/proc/{w}/exe") for w in workers), 10)
        return code

    def test_apps_are_synced_though_the_sidecar_gets_sigterm(self):
        self.assertEqual(self.ended_during_syncs("sigterm", signal.SIGTERM), 0)

    def test_apps_are_synced_though_the_sidecar_is_killed(self):
        self.assertEqual(self.ended_during_syncs("sigkill", signal.SIGKILL), -signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
