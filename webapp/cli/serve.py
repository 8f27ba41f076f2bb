"""``mainstay serve`` and ``mainstay worker``: run the server, or a worker beside it."""

from __future__ import annotations

import os
import signal
import socket

import click
import waitress
from flask import Flask

from webapp import create_app, schema
from webapp.cli.console import cli, get_database
from webapp.errors import ConflictError
from webapp.jobs import build_executor


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, envvar="PORT", help="8000, or PORT.")
@click.option("--threads", type=click.IntRange(1, 64), default=8, show_default=True)
def serve(host: str, port: int, threads: int) -> None:
    """Serve the pages, and run jobs in the same process unless MAINSTAY_EXECUTOR is none."""
    schema.check_schema(get_database())
    click.echo(f"Mainstay serves on http://{host}:{port}")
    serve_until_interrupted(create_app(), host=host, port=port, threads=threads)


def serve_until_interrupted(app: Flask, *, host: str, port: int, threads: int = 8) -> None:
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
    waitress.serve(app, sockets=[listener], threads=threads, ident="Mainstay")


@cli.command()
def worker() -> None:
    """Run jobs until interrupted; the job at hand is finished first."""
    schema.check_schema(get_database())
    executor = build_executor(create_app(start_jobs=False))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: executor.stop())
    click.echo("Waiting for jobs.")
    executor.run_forever()
