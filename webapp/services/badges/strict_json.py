"""JSON as a signed document needs it: an object, not too large, every name once, nothing that JSON does not know."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from webapp.errors import InvalidInputError

LARGEST_BYTES = 128_000


def parse_object(text: str | bytes) -> dict[str, Any]:
    """
    Return the object that a JSON text holds.

    Raises
    ------
    InvalidInputError
        If it is too large, no JSON, no object, or says something twice: a reader that takes the first of two equal
        names and one that takes the last would see two badges in one.
    """
    if len(text) > LARGEST_BYTES:
        raise InvalidInputError(
            f"The badge holds {len(text) // 1000} kB of text; more than {LARGEST_BYTES // 1000} kB is not read.",
            field="file",
        )
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("The badge is no JSON that can be read: it may be damaged.", field="file") from error
    if not isinstance(value, dict):
        raise InvalidInputError("The badge is no JSON object, so it names neither holder nor issuer.", field="file")
    return value


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("A name stands twice in one object.")
    return names


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON.")
