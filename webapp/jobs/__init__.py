"""Durable jobs: one registry of bodies, and what executes them."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from typing import TYPE_CHECKING

from webapp.jobs.executor import Executor
from webapp.jobs.keeper import Keeper
from webapp.services.job_kinds import configure_quotas, read_quotas
from webapp.services.outgoing import Gate
from webapp.services.secrets import SecretBox

if TYPE_CHECKING:
    from flask import Flask

    from webapp.jobs.messages import Messages


# They hold no bodies, and Celery takes a moment to import that only its own worker has to wait for.
_MACHINERY = frozenset({"celery_worker", "executor", "keeper", "messages", "registry", "worker"})


def load_bodies() -> None:
    """Import every module of this package that has bodies, so that they are registered."""
    for module in pkgutil.iter_modules(__path__):
        if module.name not in _MACHINERY:
            importlib.import_module(f"{__name__}.{module.name}")


def install(app: Flask, *, start: bool) -> None:
    """
    Set the quotas of the configuration, and let jobs be run as it says.

    Parameters
    ----------
    app
        The application, with its configuration and database.
    start
        Whether the embedded executor may start.
    """
    config = app.extensions["config"]
    configure_quotas(read_quotas(config.job_quotas))
    if config.executor == "celery":
        build_messages(app).follow(app.extensions["database"])
    elif start and config.executor == "embedded":
        start_embedded(app)


def build_messages(app: Flask) -> Messages:
    """Return what sends messages through the configured Redis; Celery is imported where it is used only."""
    messages: Messages | None = app.extensions.get("job_messages")
    if messages is None:
        module = importlib.import_module(f"{__name__}.messages")
        messages = app.extensions["job_messages"] = module.Messages(app.extensions["config"].celery_broker_url)
    return messages


def build_executor(app: Flask) -> Executor:
    """Return an executor over the application's database."""
    load_bodies()
    config = app.extensions["config"]
    return Executor(
        app.extensions["database"],
        app.extensions["clock"],
        options={
            "solver_memory_mb": config.solver_memory_mb,
            "overdue_days": config.overdue_days,
            "customer_words_days": config.customer_words_days,
            "routing_days": config.routing_days,
            "thread_days": config.thread_days,
            "gate": Gate.parse(config.outgoing_allow, ca_file=config.outgoing_ca_file),
            "secrets": SecretBox(config.secret_key, previous=config.previous_secret_keys),
        },
    )


def build_keeper(app: Flask, executor: Executor, *, kind: str, concurrency: int) -> Keeper:
    """Return the keeper of a process that runs jobs by an executor."""
    database, clock = app.extensions["database"], app.extensions["clock"]
    top_up = None
    if kind == "celery":
        messages = build_messages(app)

        def top_up() -> int:
            return messages.top_up(database, clock())

    return Keeper(database, clock, name=executor.owner, executor=kind, concurrency=concurrency, top_up=top_up)


def start_embedded(app: Flask) -> None:
    """Run jobs in a thread of this process, from now to its end."""
    executor = build_executor(app)
    app.extensions["executor"] = executor
    build_keeper(app, executor, kind="embedded", concurrency=1).start(executor.stopping)
    threading.Thread(target=executor.run_forever, name="jobs", daemon=True).start()
