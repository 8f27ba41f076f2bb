"""Optimistic locking as people meet it: whoever saves second is told what changed, and loses no word of their own."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from webapp.db import Versioned
from webapp.errors import ConflictError, MainstayError, NotFoundError

STALE = "Somebody changed this while you were editing."


def require_version(row: Versioned, version: int, *, seen: Mapping[str, str], present: Mapping[str, str]) -> None:
    """
    Refuse an edit that was begun on an older version of a row.

    Parameters
    ----------
    row
        The row as it is now.
    version
        The version that the user's form was filled from.
    seen, present
        What the form showed at first and what the row holds now, in words: label → value.

    Raises
    ------
    ConflictError
        If the versions differ; its ``changes`` name what somebody else changed meanwhile.
    """
    if row.version == version:
        return
    changes = {label: (seen.get(label, ""), value) for label, value in present.items() if seen.get(label, "") != value}
    raise ConflictError(STALE, changes=changes)


def lock(session: Session, row: Versioned) -> None:
    """
    Wait until nobody else writes a row, hold it to the end of the transaction, and read it anew.

    Without this, two who save at the same moment pass :func:`require_version` both on PostgreSQL, and the slower one is
    turned away when the words are written, too late to be shown what the other wrote.  On SQLite a transaction that
    writes holds the whole database from its start.

    Raises
    ------
    NotFoundError
        If the row was removed meanwhile.
    """
    key = inspect(row).mapper.primary_key[0]
    value = inspect(row).identity[0]
    if session.scalar(select(key).where(key == value).with_for_update()) is None:
        raise NotFoundError("Somebody removed this while you were editing.")
    session.expire(row)


def try_out(session: Session, command: Callable[[], object], words: Callable[[], Mapping[str, str]]) -> dict[str, str]:
    """
    Return what a row would say after a command, and take the command back.

    Returns
    -------
    dict
        Label → value; empty if the command is refused, as its values may not go with what the row holds now.
    """
    attempt = session.begin_nested()
    try:
        command()
        session.flush()
        return dict(words())
    except MainstayError:
        return {}
    finally:
        attempt.rollback()


@dataclass(frozen=True, slots=True)
class Difference:
    """
    One value that two people edited at the same time, or one of them did.

    ``before`` is what both began from; ``yours`` is None where it is not known.
    """

    label: str
    before: str
    theirs: str
    yours: str | None

    @property
    def by_them(self) -> bool:
        """Whether the other person changed it."""
        return self.theirs != self.before

    @property
    def by_you(self) -> bool:
        """Whether the person who saves second changed it."""
        return self.yours is not None and self.yours != self.before

    @property
    def clash(self) -> bool:
        """Whether both changed it, and not to the same."""
        return self.by_them and self.by_you and self.theirs != self.yours


def compare(before: Mapping[str, str], theirs: Mapping[str, str], yours: Mapping[str, str]) -> list[Difference]:
    """Return what either of two editors changed: label → value before, in the saved row, and in the one to be saved."""
    found = (
        Difference(label, before.get(label, ""), value, yours.get(label) if yours else None)
        for label, value in theirs.items()
    )
    return [difference for difference in found if difference.by_them or difference.by_you]


def mark_changes(before: str, after: str) -> list[tuple[str, bool]]:
    """Return a text in pieces, each with whether it is new: what is not new is in ``before`` in the same order."""
    old, new = _words(before), _words(after)
    pieces: list[tuple[str, bool]] = []
    for kind, _, _, start, end in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if start < end:
            pieces.append(("".join(new[start:end]), kind != "equal"))
    return pieces


def _words(text: str) -> Sequence[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)
