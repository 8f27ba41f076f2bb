"""When something that was sent to another system in vain is sent again, and when it is given up."""

from __future__ import annotations

import datetime as dt

MAX_ATTEMPTS = 8
FIRST_PAUSE = dt.timedelta(seconds=80)
PAUSE_FACTOR = 3
"""Seven pauses of 80 s, 4, 12, 36 and 108 minutes, 5.4 and 16.2 hours: a day from the first attempt to the last."""

MAX_RETRY_AFTER = dt.timedelta(hours=6)


def pause_after(attempt: int, *, chance: float, retry_after: dt.timedelta | None = None) -> dt.timedelta:
    """
    Return how long to wait after a failed attempt: exponential, with jitter, and at least what the receiver asks for.

    Parameters
    ----------
    attempt
        The number of the attempt that failed, from 1.
    chance
        A random number in [0, 1): half of the pause is spread by it, so that many do not come back at once.
    retry_after
        What the receiver asked for; at most :data:`MAX_RETRY_AFTER` is granted.
    """
    pause = FIRST_PAUSE * float(PAUSE_FACTOR ** (attempt - 1)) * (0.75 + 0.5 * chance)
    return max(pause, min(retry_after, MAX_RETRY_AFTER)) if retry_after is not None else pause
