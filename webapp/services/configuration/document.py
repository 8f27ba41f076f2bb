"""The file of a configuration: one JSON object with a list for each section, in an order that no id decides."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from marshmallow import Schema, ValidationError

from optimizer.reading import ProblemError
from webapp.errors import ConflictError, InvalidInputError, NotFoundError

FORMAT = "mainstay-configuration"
FORMAT_VERSION = 1
_MOST_ERRORS = 20

Entry = dict[str, Any]
"""One thing of a section, in JSON types; it names others by their codes."""


def render(sections: Mapping[str, Sequence[Entry]]) -> str:
    """Return the file of some sections."""
    head = {"format": FORMAT, "format_version": FORMAT_VERSION}
    return json.dumps({**head, **sections}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def parse(text: str, *, schemas: Mapping[str, Schema]) -> dict[str, list[Entry]]:
    """
    Read a file and check its shape; sections that it does not have stay out.

    Raises
    ------
    InvalidInputError
        Naming each place that is wrong by its JSON path.
    """
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"$: this is no JSON: {error}.", field="$") from error
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise InvalidInputError(f"$.format: this is no configuration of Mainstay; it would say {FORMAT!r}.", field="$")
    if found.get("format_version") != FORMAT_VERSION:
        version = found.get("format_version")
        raise InvalidInputError(
            f"$.format_version: the file has version {version!r}; this version of Mainstay reads {FORMAT_VERSION}.",
            field="$.format_version",
        )
    errors = [
        (f"$.{name}", f"There is no such section; there are {', '.join(schemas)}.")
        for name in found
        if name not in {"format", "format_version", *schemas}
    ]
    sections: dict[str, list[Entry]] = {}
    for name, schema in schemas.items():
        if name not in found:
            continue
        try:
            sections[name] = schema.load(found[name], many=True)
        except ValidationError as error:
            errors += list(_flatten(f"$.{name}", error.messages))
    _raise_if_any(errors)
    return sections


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _flatten(path: str, messages: Any) -> Iterator[tuple[str, str]]:
    """Yield path and message of what marshmallow nests; ``_schema`` stands for the object itself."""
    if isinstance(messages, Mapping):
        for step, below in messages.items():
            if step == "_schema":
                yield from _flatten(path, below)
            else:
                yield from _flatten(f"{path}[{step}]" if isinstance(step, int) else f"{path}.{step}", below)
    else:
        yield path, " ".join(map(str, messages)) if isinstance(messages, list) else str(messages)


def _raise_if_any(errors: Sequence[tuple[str, str]]) -> None:
    if errors:
        lines = [f"{path}: {message}" for path, message in errors[:_MOST_ERRORS]]
        if len(errors) > _MOST_ERRORS:
            lines.append(f"… and {len(errors) - _MOST_ERRORS} more.")
        raise InvalidInputError("\n".join(lines), field=errors[0][0])


@contextmanager
def located(path: str) -> Iterator[None]:
    """Put the JSON path of an entry before what a service says against it."""
    try:
        yield
    except InvalidInputError as error:
        if error.field is not None and error.field.startswith("$"):
            raise
        where = f"{path}.{error.field}" if error.field else path
        raise InvalidInputError(f"{where}: {error}", field=where) from error
    except (ConflictError, NotFoundError, ProblemError) as error:
        raise InvalidInputError(f"{path}: {error}", field=path) from error
