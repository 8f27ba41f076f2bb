"""Metrics of several server processes add up, whichever of them is asked."""

from __future__ import annotations

import os
import shutil
import signal
import time
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.load import mix_servers
from webapp.web.live_hub import Hub

ALIVE = ("mainstay_requests_total", ("method", "GET"), ("route", "/healthz"), ("status", "200"))
MOST_REQUESTS = 2000
PATIENCE_SECONDS = 60


def _fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - our own loopback address
        return answer.read().decode()


def _samples(served):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(_fetch(f"{served.url}/metrics"))
        for sample in family.samples
    }


def _pids(folder, kind):
    return {int(path.stem.rpartition("_")[2]) for path in folder.glob(f"{kind}_*.db")}


@pytest.mark.timeout(240)
def test_requests_of_all_processes_are_counted_and_the_dead_hold_nothing(migrated_sqlite, tmp_path):
    shutil.copy(migrated_sqlite, tmp_path / "mainstay.db")
    folder = tmp_path / "counted"
    folder.mkdir()
    (folder / "counter_1.db").write_bytes(b"what an earlier start left behind")
    settings = {"PROMETHEUS_MULTIPROC_DIR": str(folder), "MAINSTAY_EXECUTOR": "none"}

    with mix_servers.gunicorn(f"sqlite:///{tmp_path / 'mainstay.db'}", tmp_path, **settings) as served:
        asked = 0
        while len(_pids(folder, "counter")) < 2 or asked < 20:
            _fetch(f"{served.url}/healthz")
            asked += 1
            assert asked < MOST_REQUESTS, "one process answers everything"
        # Each time perhaps another process.
        assert [_samples(served)[ALIVE] for _ in range(4)] == [asked] * 4
        assert 1 not in _pids(folder, "counter")

        victim = min(_pids(folder, "counter"))
        os.kill(victim, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while victim in _pids(folder, "gauge_livesum"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert _samples(served)[ALIVE] == asked


def test_hub_tells_how_many_streams_are_open(database, make):
    person = make.person()
    make.commit()
    told: list[int] = []
    hub = Hub(database, capacity=2, look_seconds=60, counted=told.append)

    first = hub.open(person.id, ["catalogue"], "")
    assert first is not None
    hub.open(person.id, ["catalogue"], "")
    assert hub.open(person.id, ["catalogue"], "") is None
    hub.close(first)
    hub.close(first)
    hub.stop()

    assert told == [1, 2, 1, 0]
