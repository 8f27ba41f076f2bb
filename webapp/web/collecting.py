"""
How often Python looks for garbage in a process that serves pages.

The application is half a million objects that live as long as the process; to look through all of them stops every
thread for a quarter of a second. A page makes some ten thousand objects, almost all of which go by themselves when it
is done; by Python's default of 700 it would be interrupted forty times to look for those that do not.
"""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 10_000
"""So many more objects made than gone let Python look through the newest: once a page or so."""

YOUNGER_ROUNDS = 20
"""So many looks at younger objects lead to one at the older."""


def spare_pages() -> None:
    """Leave what exists now out of the search for garbage for good, and search less often; call it before serving."""
    # Garbage that is there now would stay for good as well.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, YOUNGER_ROUNDS, YOUNGER_ROUNDS)
