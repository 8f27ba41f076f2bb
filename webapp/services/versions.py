"""Optimistic locking as people meet it: whoever saves second is told what changed, and loses no word of their own."""

from __future__ import annotations

from collections.abc import Mapping

from webapp.db import Versioned
from webapp.errors import ConflictError


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
    raise ConflictError("Somebody changed this while you were editing.", changes=changes)
