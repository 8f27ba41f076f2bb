"""JSON pointers (RFC 6901), and what a payload holds that none of them names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

MISSING = object()
"""What a pointer finds where there is nothing; None is what JSON calls null."""

MOST_PATHS = 500
_ANY = "*"


def split_pointer(pointer: str) -> list[str]:
    """
    Return the parts of a pointer, unescaped; none for the whole document.

    Raises
    ------
    ValueError
        If it does not begin with a slash.
    """
    if not pointer:
        return []
    if not pointer.startswith("/"):
        raise ValueError(f"“{pointer[:80]}” is no pointer: it begins with a slash, as in /ticket/id.")
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/")]


def join_pointer(parts: Collection[str]) -> str:
    """Return the pointer of some parts."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)


def find(document: Any, pointer: str) -> Any:
    """Return what a pointer names in a document, or :data:`MISSING`."""
    found = document
    for part in split_pointer(pointer):
        if isinstance(found, Mapping) and part in found:
            found = found[part]
        elif isinstance(found, list) and part.isdecimal() and len(part) < 7 and int(part) < len(found):
            found = found[int(part)]
        else:
            return MISSING
    return found


def list_leaves(document: Any) -> Iterator[tuple[str, Any]]:
    """Yield the pointer and the value of each scalar and each empty container, at most :data:`MOST_PATHS`."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), document)]
    count = 0
    while waiting and count < MOST_PATHS:
        parts, value = waiting.pop()
        inner = (
            list(value.items())
            if isinstance(value, Mapping)
            else [(str(index), each) for index, each in enumerate(value)]
            if isinstance(value, list)
            else []
        )
        if inner:
            waiting.extend(((*parts, str(name)), each) for name, each in reversed(inner))
        else:
            count += 1
            yield join_pointer(parts), value


def list_unknown(document: Any, known: Collection[str]) -> list[tuple[str, Any]]:
    """Return pointer and value of what lies neither at nor below any of the known pointers."""
    return [
        (pointer, value)
        for pointer, value in list_leaves(document)
        if not any(pointer == each or pointer.startswith(each + "/") for each in known)
    ]


def split_document(document: Any, path: str, *, most: int) -> list[Any]:
    """
    Return one document for each element of the lists that a path with ``*`` goes through.

    Each is the whole document with that one element in the place of its list, so that a pointer reads the element
    and what stands around it alike: ``/entry/*/changes/*`` makes ``/entry/changes/value`` name one change.

    Raises
    ------
    ValueError
        If there are more than ``most``.
    """
    documents = [document]
    parts = split_pointer(path)
    for depth, part in enumerate(parts):
        if part == _ANY:
            at = [each for each in parts[:depth] if each != _ANY]
            documents = [one for each in documents for one in _spread(each, at, most)]
            if len(documents) > most:
                raise ValueError(f"One message holds more than {most} events.")
    return documents


def _spread(document: Any, at: list[str], most: int) -> list[Any]:
    elements = find(document, join_pointer(at))
    if not isinstance(elements, list):
        return [document]
    return [_with(document, at, element) for element in elements[: most + 1]]


def _with(document: Any, at: list[str], value: Any) -> Any:
    if not at:
        return value
    return {**document, at[0]: _with(document[at[0]], at[1:], value)} if isinstance(document, Mapping) else document
