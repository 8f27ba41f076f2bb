"""Lists of the API: limit, cursor and order in the address, the items and the next cursor in the answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import marshmallow as ma
from flask import request, url_for

from webapp.services.listing.keyset import MAX_LIMIT, Page, PageRequest
from webapp.web.rest.fields import Flag, Whole


def list_arguments(name: str, *, sorts: Iterable[str], filters: Mapping[str, ma.fields.Field[Any]]) -> type[ma.Schema]:
    """
    Return the schema of a list's parameters; what it does not name is refused.

    Parameters
    ----------
    name
        Name of the schema.
    sorts
        The orders that are offered, the first by default.
    filters
        Name of each filter → its field.
    """
    orders = [order for each in sorts for order in (each, f"-{each}")]
    schema = ma.Schema.from_dict(
        {
            "limit": Whole(1, MAX_LIMIT, load_default=50, metadata={"description": "How many items at most."}),
            "cursor": ma.fields.String(
                load_default="",
                validate=ma.validate.Length(max=2000),
                metadata={"description": "Where the page before ended; empty for the first page."},
            ),
            "sort": ma.fields.String(
                load_default=orders[0],
                validate=ma.validate.OneOf(orders),
                metadata={"description": "The order; a leading minus turns it round."},
            ),
            **filters,
        },
        name=name,
    )
    return in_address(schema)


def in_address(schema: type[ma.Schema]) -> type[ma.Schema]:
    """Let the fields of a schema of parameters read text: an address holds text, a body numbers and truth values."""
    for field in schema._declared_fields.values():  # noqa: SLF001 - there is no public way to the fields of a class
        if isinstance(field, Flag | Whole):
            field.from_text = True
    return schema


def page_of(item: type[ma.Schema]) -> type[ma.Schema]:
    """Return the schema of a page of items."""
    return ma.Schema.from_dict(
        {
            "items": ma.fields.List(ma.fields.Nested(item), required=True),
            "next": ma.fields.String(
                required=True,
                allow_none=True,
                metadata={"description": "The cursor of the next page; null after the last."},
            ),
        },
        name=item.__name__.removesuffix("Schema") + "Page",
    )


def take_page(arguments: dict[str, Any]) -> PageRequest:
    """Return the page that is asked for, and leave the filters in ``arguments``."""
    return PageRequest(limit=arguments.pop("limit"), sort=arguments.pop("sort"), cursor=arguments.pop("cursor"))


def answer_page(page: Page[Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Return a page for its schema, with a link to the next."""
    headers = {}
    if page.next_cursor is not None and request.endpoint is not None:
        onward = request.args.to_dict() | (request.view_args or {}) | {"cursor": page.next_cursor}
        headers["Link"] = f'<{url_for(request.endpoint, **onward)}>; rel="next"'
    return {"items": page.rows, "next": page.next_cursor}, 200, headers
