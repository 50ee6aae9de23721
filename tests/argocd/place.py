"""The cluster that all tests share: it is started when the first test asks for it."""

import time
import unittest

import world
from apps import Apps, Repository, placeholder_app
from cluster import Cluster

CLUSTER = None
FIRST_SYNC = None
WHY = None


def cluster():
    """The running cluster. What it lacks leaves out every test."""
    global CLUSTER, WHY
    if WHY:
        raise unittest.SkipTest(WHY)
    if CLUSTER is None:
        CLUSTER = Cluster(world.KEYFILL)
        try:
            CLUSTER.start()
            first_sync(CLUSTER)
        except Exception as failure:
            stop()
            WHY = f"the cluster does not start: {failure}"
            raise
    return CLUSTER


def first_sync(started):
    """Two apps are there before the sidecar and Argo CD start: how long until both are synced."""
    global FIRST_SYNC
    repository = Repository(started, "first")
    started.vault.api("POST", "secret/data/blue/first", {"data": {"password": "first-value"}})
    repository.commit(placeholder_app("blue", "first", "first-by-name"), "by-name")
    repository.commit(placeholder_app("blue", "first", "first-by-discovery"), "by-discovery")
    apps = Apps(started)
    apps.create("first-by-name", apps.source(repository, "by-name"))
    apps.create("first-by-discovery", apps.source(repository, "by-discovery", None))
    begin = time.monotonic()
    started.run_keyfill()
    serving = time.monotonic()
    started.run_argo_cd()
    for name in ("first-by-name", "first-by-discovery"):
        apps.synced(name)
    FIRST_SYNC = (serving - begin, time.monotonic() - begin)
    print(f"keyfill serves after {FIRST_SYNC[0]:.2f} s; two apps are synced {FIRST_SYNC[1]:.1f} s after its start, "
          "Argo CD's included", flush=True)


def stop():
    """Ends the cluster."""
    global CLUSTER
    if CLUSTER:
        CLUSTER.stop()
        CLUSTER = None
