"""
The worker process: it runs jobs until it is asked to end, and leaves none behind.

Asked to end, it takes no more jobs, finishes those at hand if they end within its grace, and hands back the others, so
that another worker has them at once and not only when their leases run out.
"""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

from webapp.jobs import build_executor, build_keeper

if TYPE_CHECKING:
    from flask import Flask

STOPPING_SECONDS = 10.0
"""How long bodies may take to notice that their job was handed back."""


def run_polling(app: Flask, *, concurrency: int, grace_seconds: float) -> None:
    """Look for jobs in the database, in so many threads, until SIGTERM or SIGINT."""
    executor = build_executor(app)
    keeper = build_keeper(app, executor, kind="worker", concurrency=concurrency)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: executor.stop())
    keeper.start(executor.stopping)
    threads = executor.run_threads(concurrency)
    # A signal interrupts a wait with a limit, on every platform.
    while not executor.stopping.wait(1.0):
        pass
    _join(threads, grace_seconds)
    if executor.hand_back():
        _join(threads, STOPPING_SECONDS)
    keeper.note_end()


def _join(threads: list[threading.Thread], seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    for thread in threads:
        thread.join(timeout=max(0.0, ends_at - time.monotonic()))
