"""
Metrics in Prometheus' text format.

Requests are counted by route pattern, never by address: no label holds an id or a name, so that the number of series
stays what the routes are. Figures of jobs and plans are read from the database when they are asked for, so that it does
not matter which process did the work. With several server processes, ``PROMETHEUS_MULTIPROC_DIR`` names the folder
in which they add up.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from flask import Flask, Response, current_app, g, request
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import REGISTRY, GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import event

from webapp.db import Database
from webapp.services import telemetry
from webapp.services.telemetry import Telemetry
from webapp.web.logs import route_of_request
from webapp.web.request import get_database, now

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

_requests = Counter("mainstay_requests", "Requests answered.", ("method", "route", "status"))
_seconds = Histogram("mainstay_request_seconds", "Time to an answer.", ("method", "route"), buckets=_BUCKETS)
_streams = Gauge("mainstay_live_streams", "Pages that are told of changes.", multiprocess_mode="livesum")
_pool = Gauge("mainstay_database_connections", "Connections that are in use.", multiprocess_mode="livesum")


class _Work(Collector):
    """The figures of jobs, plans and deliveries, read once for each time that somebody asks."""

    def __init__(self, found: Telemetry) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        """Yield each family."""
        found = self._found
        jobs = GaugeMetricFamily("mainstay_jobs", "Jobs by kind and state.", labels=("kind", "state"))
        for (kind, state), count in found.jobs.items():
            jobs.add_metric((kind, state), count)
        yield jobs
        for name, words, label, values in (
            (
                "mainstay_jobs_oldest_waiting_seconds",
                "Age of the oldest waiting job.",
                "kind",
                found.oldest_waiting_seconds,
            ),
            ("mainstay_plan_runs", "Plan runs of the last 24 hours.", "status", found.runs),
            ("mainstay_webhook_deliveries", "Webhooks by state.", "state", found.deliveries),
        ):
            family = GaugeMetricFamily(name, words, labels=(label,))
            for key, value in values.items():
                family.add_metric((key,), value)
            yield family
        for name, words, middle in (
            ("mainstay_plan_run_seconds", "Median time of a plan run in 24 hours.", found.run_seconds),
            ("mainstay_plan_run_gap", "Median proven gap of a plan run in 24 hours.", found.run_gap),
        ):
            if middle is not None:
                yield GaugeMetricFamily(name, words, value=middle)


def render() -> bytes:
    """Return everything that is measured, as text."""
    _streams.set(current_app.extensions["live"].open_count)
    _pool.set(get_database().connections_in_use)
    with get_database().reading() as session:
        found = telemetry.read(session, at=now())
    counted = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    work = CollectorRegistry()
    work.register(_Work(found))
    return generate_latest(counted) + generate_latest(work)


def may_read() -> bool:
    """
    Return whether the request may read the metrics.

    With ``METRICS_TOKEN`` set, whoever sends it as a bearer token may; without it, nobody in production, and elsewhere
    whoever asks from the same machine.
    """
    config = current_app.extensions["config"]
    if config.metrics_token:
        offered = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(offered.encode(), config.metrics_token.encode())
    return not config.production and request.remote_addr in {"127.0.0.1", "::1"}


def count_streams(open_streams: int) -> None:
    """Note how many pages of this process are told of changes: whichever process is asked, all are counted."""
    _streams.set(open_streams)


def _follow_pool(database: Database) -> None:
    # Of several processes one is asked, and knows of the others only what they wrote down themselves.
    event.listen(database.engine, "checkout", lambda *_args: _pool.set(database.connections_in_use))
    # The connection is on its way back, and counted still.
    event.listen(database.engine, "checkin", lambda *_args: _pool.set(max(0, database.connections_in_use - 1)))


def install(app: Flask) -> None:
    """Count and time every request, and follow the connections of the pool."""
    _follow_pool(app.extensions["database"])

    @app.after_request
    def _count(response: Response) -> Response:
        route = route_of_request()
        _requests.labels(request.method if route != "none" else "any", route, response.status_code).inc()
        if "began" in g and not response.is_streamed:
            _seconds.labels(request.method if route != "none" else "any", route).observe(time.perf_counter() - g.began)
        return response
