"""
Links between operations: which field of an answer is what another operation asks for (OpenAPI 3.1, *Link Object*).

An operation declares them beside what it answers, with
:meth:`webapp.web.rest.blueprint.ResourceBlueprint.leads_to`; they are written into the document once every operation is
known, because a link may lead to another resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

METHODS = ("get", "put", "post", "patch", "delete")
_MARK = "#/components/parameters/"

View = TypeVar("View", bound=Callable[..., Any])


class UnknownLinkError(Exception):
    """A link leads to an operation that there is not, or sets a parameter that the operation does not take."""


@dataclass(frozen=True, slots=True)
class Link:
    """
    Where an answer leads.

    Parameters
    ----------
    operations
        Names of the operations.
    values
        Parameter that each of them takes → place of its value in the answer, such as ``id`` or ``items/0/id``.
    """

    operations: tuple[str, ...]
    values: Mapping[str, str]


def declare(view: View, link: Link) -> View:
    """Note a link with an operation; the decorators around it carry it on."""
    view.links = (*declared(view), link)  # type: ignore[attr-defined]
    return view


def declared(view: Callable[..., Any]) -> tuple[Link, ...]:
    """Return the links that an operation declares."""
    return getattr(view, "links", ())


def write(document: Mapping[str, Any], links: Mapping[str, Sequence[Link]]) -> None:
    """
    Write links into the answers of a document.

    What was read with an entity tag is changed with it: where the answer has one and the operation of the same resource
    to which it leads demands one, the tag goes along.

    Parameters
    ----------
    document
        An OpenAPI document; its operations are changed.
    links
        Name of an operation → its links.

    Raises
    ------
    UnknownLinkError
        If a link leads nowhere.
    """
    operations = {operation["operationId"]: (item, operation) for item, operation in _operations(document)}
    for name, found in links.items():
        _, source = operations[name]
        for status, answer in source["responses"].items():
            if str(status).startswith("2"):
                written = {
                    target: _write(
                        document, operations, name, target, link.values, tagged="ETag" in answer.get("headers", {})
                    )
                    for link in found
                    for target in link.operations
                }
                answer["links"] = written


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
    for item in document["paths"].values():
        for method in METHODS:
            if method in item:
                yield item, item[method]


def _write(
    document: Mapping[str, Any],
    operations: Mapping[str, tuple[Mapping[str, Any], dict[str, Any]]],
    source: str,
    target: str,
    values: Mapping[str, str],
    *,
    tagged: bool,
) -> dict[str, Any]:
    if target not in operations:
        raise UnknownLinkError(f"{source} leads to {target}, which there is not.")
    item, operation = operations[target]
    taken = dict(_parameters(document, item, operation))
    unknown = set(values) - set(taken)
    if unknown:
        raise UnknownLinkError(f"{source} leads to {target}, which takes no {', '.join(sorted(unknown))}.")
    parameters = {f"{taken[name]}.{name}": f"$response.body#/{place}" for name, place in values.items()}
    same = operation["tags"] == operations[source][1]["tags"]
    if tagged and same and "If-Match" in taken:
        parameters["header.If-Match"] = "$response.header.ETag"
    return {"operationId": target, "parameters": parameters}


def _parameters(
    document: Mapping[str, Any], item: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """Yield name and place of each parameter of an operation."""
    for parameter in (*item.get("parameters", ()), *operation.get("parameters", ())):
        reference = parameter.get("$ref", "")
        found = document["components"]["parameters"][reference.removeprefix(_MARK)] if reference else parameter
        yield found["name"], found["in"]
