"""Columns of a kind of import, declared once; and the mapping from a file's headers to them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from webapp.services.importing.problems import FileRefusedError, near_match
from webapp.services.importing.values import Parser

_NOT_WORD = re.compile(r"[^0-9a-z]+")


@dataclass(frozen=True, slots=True)
class Column:
    """
    One column.

    Parameters
    ----------
    name
        Canonical header.
    parser
        How cells are read.
    meaning
        What it holds, for people.
    example
        A cell of the template.
    required
        Whether each row needs a value.
    default
        The value of an empty cell, or of an absent column where the row is new.
    aliases
        Other headers under which it is often found.
    """

    name: str
    parser: Parser
    meaning: str
    example: str
    required: bool = False
    default: Any = None
    aliases: tuple[str, ...] = ()


def fold(header: str) -> str:
    """Return a header without case, spaces and punctuation."""
    return _NOT_WORD.sub("_", header.casefold()).strip("_")


def suggest_mapping(columns: Sequence[Column], header: Sequence[str]) -> dict[str, str]:
    """Return column → header for what matches by name, by a known other name, or nearly."""
    free = {fold(name): name for name in header if name}
    mapping: dict[str, str] = {}
    for column in columns:
        for name in (column.name, *column.aliases):
            if fold(name) in free:
                mapping[column.name] = free.pop(fold(name))
                break
    for column in columns:
        if column.name not in mapping:
            near = difflib.get_close_matches(fold(column.name), free, n=1, cutoff=0.85)
            if near:
                mapping[column.name] = free.pop(near[0])
    return mapping


def check_mapping(columns: Sequence[Column], header: Sequence[str], mapping: Mapping[str, str]) -> None:
    """
    Refuse a mapping that names what is not there, uses a header twice, or leaves a required column out.

    Raises
    ------
    FileRefusedError
        Naming the column, and the header that is nearest to it.
    """
    known = {column.name for column in columns}
    for name, source in mapping.items():
        if name not in known:
            raise FileRefusedError(
                "unknown_column",
                f"There is no column {name}.{near_match(name, known)}",
                column=name,
                accepted=f"Columns: {', '.join(column.name for column in columns)}.",
            )
        if source not in header:
            raise FileRefusedError(
                "wrong_header",
                f"The file has no header “{source}”.{near_match(source, header)}",
                row=1,
                column=name,
                value=source,
                accepted=f"Its headers are: {', '.join(header)}.",
            )
    sources = list(mapping.values())
    for source in sources:
        if sources.count(source) > 1:
            twice = [name for name, used in mapping.items() if used == source]
            raise FileRefusedError(
                "wrong_header",
                f"“{source}” is mapped to {' and '.join(twice)}.",
                row=1,
                accepted="Map each header once.",
            )
    missing = [column.name for column in columns if column.required and column.name not in mapping]
    if missing:
        raise FileRefusedError(
            "wrong_header",
            f"The file lacks the required column{'s' if len(missing) > 1 else ''} {', '.join(missing)}."
            + near_match(missing[0], [name for name in header if name not in sources]),
            row=1,
            column=missing[0],
            value=", ".join(header),
            accepted="Rename the header, or map another header to it.",
        )
