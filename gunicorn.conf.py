"""
What gunicorn does besides its own: it reads this file by itself where it is started in this folder.

Asked to stop, gunicorn waits for the answers under way; streams of live pages would keep it until its patience ends.
What its processes count for ``/metrics`` adds up in the folder of ``PROMETHEUS_MULTIPROC_DIR``, if that is set.
"""

import os
import signal
from pathlib import Path
from types import FrameType
from typing import Any

from prometheus_client import multiprocess


def on_starting(_server: Any) -> None:
    """Begin to count anew: what processes of an earlier start left behind is none of this one's."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for file in Path(folder).glob("*.db"):
            file.unlink()


def child_exit(_server: Any, worker: Any) -> None:
    """Forget the open streams and connections of a process that has ended; its requests stay counted."""
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def post_worker_init(worker: Any) -> None:
    """End the live streams of a worker as soon as it is asked to stop."""
    stop = worker.wsgi.extensions["live"].stop
    handle = signal.getsignal(signal.SIGTERM)

    def end_streams(number: int, frame: FrameType | None) -> None:
        stop()
        if callable(handle):
            handle(number, frame)

    signal.signal(signal.SIGTERM, end_streams)
