"""Many items in one request: all of them or none, with the errors of each under its index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import marshmallow as ma

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.web.rest.problems import InvalidItemsError

MAX_ITEMS = 1000

Item = TypeVar("Item")
Done = TypeVar("Done")


def items_of(item: type[ma.Schema]) -> type[ma.Schema]:
    """Return the schema of a bulk request for items of a schema."""
    many = ma.fields.List(ma.fields.Nested(item), required=True, validate=ma.validate.Length(1, MAX_ITEMS))
    return ma.Schema.from_dict({"items": many}, name=item.__name__.removesuffix("Schema") + "Items")


def results_of(item: type[ma.Schema]) -> type[ma.Schema]:
    """Return the schema of what a bulk request is answered: the items as they are now, in the order sent."""
    many = ma.fields.List(ma.fields.Nested(item), required=True)
    return ma.Schema.from_dict({"items": many}, name=item.__name__.removesuffix("Schema") + "Results")


def apply_all(items: Sequence[Item], command: Callable[[Item], Done]) -> dict[str, list[Done]]:
    """
    Do a command for each item.

    Raises
    ------
    InvalidItemsError
        If any is refused, naming each; the request is then rolled back as a whole.
    """
    done: list[Done] = []
    refused: dict[int, Exception] = {}
    for index, item in enumerate(items):
        try:
            done.append(command(item))
        except (InvalidInputError, NotFoundError, ConflictError, ForbiddenError) as error:
            refused[index] = error
    if refused:
        raise InvalidItemsError(refused)
    return {"items": done}
