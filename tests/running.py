"""Mainstay as its users run it: console commands, the server and the worker as processes of their own."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 120.0
"""Where others keep the machine busy, a server takes long to start; that is no fault."""


def environment(database_url: str, **more: str) -> dict[str, str]:
    """Return the environment of an installation in development, without what the developer's own shell sets."""
    settings = {"MAINSTAY_ENV": "development", "DATABASE_URL": database_url, "MAINSTAY_EXECUTOR": "embedded", **more}
    kept = {name: value for name, value in os.environ.items() if name not in {"PORT", "SECRET_KEY", "PASSWORD_SALT"}}
    return {**kept, **settings}


def command(*words: str) -> list[str]:
    """Return the console command as this test run's own interpreter runs it."""
    return [sys.executable, "-m", "webapp.cli", *words]


def mainstay(
    *words: str, database_url: str, expected: Sequence[int] = (0,), seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run a console command to its end; an exit code that is not expected fails the test with what it said."""
    ended = subprocess.run(
        command(*words),
        cwd=ROOT,
        env=environment(database_url),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    assert ended.returncode in expected, f"mainstay {' '.join(words)}: {ended.returncode}\n{ended.stdout}{ended.stderr}"
    return ended


def mainstay_json(*words: str, database_url: str, expected: Sequence[int] = (0,), seconds: float = 120) -> Any:
    """Run a console command with ``--json`` and return what it printed."""
    return json.loads(mainstay(*words, "--json", database_url=database_url, expected=expected, seconds=seconds).stdout)


@dataclass(slots=True)
class Running:
    """A server or worker that runs; ``log`` is the file with all that it said."""

    process: subprocess.Popen[bytes]
    log: Path
    url: str = ""

    def kill(self) -> None:
        """End it as a power cut would: no handler runs, nothing is flushed."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Ask it to end, and insist if it does not."""
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.kill()

    def said(self) -> str:
        """Return all that it wrote."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def server(database_url: str, folder: Path, **settings: str) -> Iterator[Running]:
    """Serve an installation on a free port of the loopback, until the block ends."""
    port = free_port()
    running = _start(["serve", "--port", str(port)], database_url, folder / f"serve-{port}.log", settings)
    running.url = f"http://127.0.0.1:{port}"
    try:
        await_answer(running, "/readyz")
        yield running
    finally:
        running.stop()


@contextlib.contextmanager
def worker(database_url: str, folder: Path, **settings: str) -> Iterator[Running]:
    """Run a worker until the block ends."""
    running = _start(["worker"], database_url, folder / f"worker-{time.monotonic_ns()}.log", settings)
    try:
        yield running
    finally:
        running.stop()


def free_port() -> int:
    """Return a port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start(words: Sequence[str], database_url: str, log: Path, settings: dict[str, str]) -> Running:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(*words),
            cwd=ROOT,
            env=environment(database_url, **settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A group of its own: an interrupted test run stops it in its own order.
            start_new_session=True,
        )
    return Running(process, log)


def await_answer(running: Running, path: str) -> None:
    """
    Wait until a server answers at a path with 200.

    Raises
    ------
    RuntimeError
        If it ends, or takes too long; with all that it said.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise RuntimeError(f"The server ended with {running.process.returncode}:\n{running.said()}")
        if _answers(running.url + path):
            return
        time.sleep(0.1)
    raise RuntimeError(f"The server was not ready after {START_SECONDS:.0f} s:\n{running.said()}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except OSError:
        # Refused, reset, answered with an error, or not within the time.
        return False


def now() -> dt.datetime:
    """Return the present moment in UTC: these processes have the system's clock."""
    return dt.datetime.now(dt.UTC)
