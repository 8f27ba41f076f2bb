"""How often Python looks for garbage beside pages."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from webapp.web import collecting


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_exists_before_serving_is_never_searched_again() -> None:
    """The application itself is left out, so that no page waits until all of it was looked through."""
    before = len(gc.get_objects())

    collecting.spare_pages()

    assert gc.get_freeze_count() >= before // 2
    assert len(gc.get_objects()) < before // 2


def test_pages_leave_no_garbage_for_good() -> None:
    """What refers to itself is found all the same, only later."""
    collecting.spare_pages()

    young, *_ = gc.get_threshold()

    assert gc.isenabled()
    assert young == collecting.YOUNG_OBJECTS
