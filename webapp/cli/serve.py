"""``mainstay serve`` and ``mainstay worker``: run the server, or a worker beside it."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import threading

import click
import waitress
from flask import Flask

from webapp import create_app, schema
from webapp.cli.console import cli, get_config, get_database
from webapp.errors import ConflictError
from webapp.jobs.worker import run_polling
from webapp.web import collecting, logs
from webapp.web.live_hub import Hub


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, envvar="PORT", help="8000, or PORT.")
@click.option("--threads", type=click.IntRange(1, 64), default=8, show_default=True)
@click.option(
    "--streams",
    type=click.IntRange(0, 500),
    default=32,
    show_default=True,
    envvar="LIVE_STREAMS",
    help="Pages that are told of changes at once; each takes a thread beside --threads.",
)
def serve(host: str, port: int, threads: int, streams: int) -> None:
    """Serve the pages, and run jobs in the same process unless MAINSTAY_EXECUTOR is none."""
    schema.check_schema(get_database())
    logs.configure(get_config())
    click.echo(f"Mainstay serves on http://{host}:{port}")
    serve_until_interrupted(create_app(), host=host, port=port, threads=threads, streams=streams)


def serve_until_interrupted(app: Flask, *, host: str, port: int, threads: int = 8, streams: int = 32) -> None:
    """
    Serve an application.

    Raises
    ------
    ConflictError
        If the address cannot be used, most often because something else listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise ConflictError(
            f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}. PORT=9000 chooses another port."
        ) from error
    hub: Hub = app.extensions["live"]
    hub.capacity = streams
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda _number, _frame: _interrupt(hub))
        signal.signal(signal.SIGINT, lambda _number, _frame: _interrupt(hub))
    collecting.spare_pages()
    waitress.serve(app, sockets=[listener], threads=threads + streams, ident="Mainstay")


def _interrupt(hub: Hub) -> None:
    # The server waits for its threads before it ends, so that streams must end first.
    hub.stop()
    raise SystemExit(0)


@cli.command()
@click.option(
    "--celery/--polling", "by_celery", default=None, help="Take messages from Redis, or look in the database."
)
@click.option("--concurrency", type=click.IntRange(1, 64), default=1, show_default=True, help="Jobs at once.")
@click.option(
    "--grace",
    "grace_seconds",
    type=click.FloatRange(0, 3600),
    default=30.0,
    show_default=True,
    help="Seconds in which jobs at hand may end after SIGTERM; those that do not are handed to other workers.",
)
def worker(*, by_celery: bool | None, concurrency: int, grace_seconds: float) -> None:
    """Run jobs until interrupted, told of them as MAINSTAY_EXECUTOR says."""
    schema.check_schema(get_database())
    logs.configure(get_config())
    app = create_app(start_jobs=False)
    config = app.extensions["config"]
    if by_celery is None:
        by_celery = config.executor == "celery"
    if by_celery and not config.celery_broker_url:
        raise click.UsageError("--celery needs CELERY_BROKER_URL, the Redis database of the messages.")
    click.echo("Waiting for jobs.")
    # Celery takes a moment to import that no other command should wait for.
    run = importlib.import_module("webapp.jobs.celery_worker").run_celery if by_celery else run_polling
    run(app, concurrency=concurrency, grace_seconds=grace_seconds)
