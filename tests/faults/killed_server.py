"""Programs that send on while the server under them is killed and started again."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from tests import running
from tests.faults.installation import Installation

_LOOK_SECONDS = 0.005


class Sender(Protocol):
    """Sends one thing when called, again until it is answered, to the server at ``url``; several threads call it."""

    url: str

    @property
    def answered(self) -> int:
        """How many sendings were answered until now."""

    def __call__(self, each: Any, /) -> None:
        """Send one thing."""


def send_through_kills(
    installation: Installation, sender: Sender, sent: Sequence[Any], *, kills: int, at_once: int
) -> None:
    """
    Send everything, and kill the server at even steps on the way; the last server stays until all is answered.

    Parameters
    ----------
    installation
        Whose server is killed.
    sender
        What sends; it is told where each new server is.
    sent
        What it is called with.
    kills
        How often the server is killed.
    at_once
        Threads that send.
    """
    with ThreadPoolExecutor(at_once) as pool:
        waiting = None
        for turn in range(kills + 1):
            goal = len(sent) * (turn + 1) // (kills + 1)
            with running.server(installation.url, installation.folder) as served:
                sender.url = served.url
                waiting = waiting or [pool.submit(sender, each) for each in sent]
                while sender.answered < goal and not all(each.done() for each in waiting):
                    time.sleep(_LOOK_SECONDS)
                if turn < kills:
                    served.kill()
                else:
                    for each in waiting:
                        each.result()
