"""The API's document in the shape in which people read it: operations by resource, with fields in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MARK = "#/components/"
_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A parameter, or a field of a body: its name, what it may hold in words, and whether it must be there."""

    name: str
    kind: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True)
class LinkLine:
    """Another operation to which an answer leads, and which of its parameters the answer holds, in words."""

    name: str
    method: str
    path: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperationEntry:
    """One operation as the reference shows it."""

    name: str
    method: str
    path: str
    summary: str
    scope: str
    parameters: tuple[FieldLine, ...]
    body: tuple[FieldLine, ...]
    answer: tuple[FieldLine, ...]
    links: tuple[LinkLine, ...]
    statuses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceEntry:
    """A resource with its operations."""

    name: str
    about: str
    operations: tuple[OperationEntry, ...]


def describe(document: Mapping[str, Any]) -> list[ResourceEntry]:
    """Return the resources of an OpenAPI document with their operations, in the order of the document's headings."""
    found: dict[str, list[OperationEntry]] = {tag["name"]: [] for tag in document.get("tags", ())}
    places = {
        item[method]["operationId"]: (method, path)
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    }
    for method, path in places.values():
        item = document["paths"][path]
        entry = _operation(document, path, method, item[method], item.get("parameters", ()), places)
        found.setdefault(item[method]["tags"][0], []).append(entry)
    about = {tag["name"]: tag.get("description", "") for tag in document.get("tags", ())}
    return [ResourceEntry(name, about.get(name, ""), tuple(each)) for name, each in sorted(found.items()) if each]


def _operation(
    document: Mapping[str, Any],
    path: str,
    method: str,
    operation: Mapping[str, Any],
    shared: Sequence[Any],
    places: Mapping[str, tuple[str, str]],
) -> OperationEntry:
    responses = operation.get("responses", {})
    good = next((_follow(document, each) for status, each in responses.items() if str(status).startswith("2")), {})
    body = _follow(document, operation.get("requestBody", {}))
    return OperationEntry(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        scope=operation.get("x-scope", ""),
        parameters=tuple(_parameter(_follow(document, each)) for each in (*shared, *operation.get("parameters", ()))),
        body=tuple(_fields(document, _schema_of(body))),
        answer=tuple(_fields(document, _schema_of(good))),
        links=tuple(_links(good, places)),
        statuses=tuple(sorted(str(status) for status in responses if str(status) != "default")),
    )


def _links(answer: Mapping[str, Any], places: Mapping[str, tuple[str, str]]) -> Iterator[LinkLine]:
    for link in answer.get("links", {}).values():
        method, path = places[link["operationId"]]
        # A parameter is written with its place, such as ``path.plan_id``, and the answer's part as an expression.
        values = (
            f"{name.partition('.')[2]} from {_part_of_answer(value)}"
            for name, value in link.get("parameters", {}).items()
        )
        yield LinkLine(link["operationId"], method.upper(), path, tuple(values))


def _part_of_answer(expression: str) -> str:
    where, _, name = expression.removeprefix("$response.").partition("#/" if "#/" in expression else ".")
    return name if where == "body" else f"the {where} {name}"


def _schema_of(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    contents: Mapping[str, Any] = holder.get("content", {})
    for content in contents.values():
        schema: Mapping[str, Any] = content.get("schema", {})
        return schema
    return {}


def _parameter(parameter: Mapping[str, Any]) -> FieldLine:
    schema = parameter.get("schema", {})
    kind = f"{_kind(schema)}, in the {parameter['in']}"
    return FieldLine(parameter["name"], kind, parameter.get("required", False), parameter.get("description", ""))


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[FieldLine]:
    schema = _follow(document, schema)
    for name, inner in schema.get("properties", {}).items():
        kind = _kind(inner)
        items = _follow(document, inner.get("items", {}))
        if items.get("properties"):
            kind = f"list of objects: {', '.join(items['properties'])}"
        yield FieldLine(name, kind, name in schema.get("required", ()), inner.get("description", ""))


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return "object"
    if schema.get("enum"):
        return "one of " + ", ".join(str(value) for value in schema["enum"] if value is not None)
    kind = schema.get("type", "object")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if "format" in schema:
        words += f" ({schema['format']})"
    if "maxLength" in schema:
        words += f", at most {schema['maxLength']} characters"
    elif "minimum" in schema and "maximum" in schema and schema["maximum"] < 2**53 - 1:
        words += f", {schema['minimum']} to {schema['maximum']}"
    default = schema.get("default")
    if default not in (None, ""):
        words += f"; {', '.join(default) if isinstance(default, list) else default} if left out"
    return words


def _follow(document: Mapping[str, Any], part: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference leads to, or the part itself."""
    target = part.get("$ref", "")
    if not target.startswith(_MARK):
        return part
    section, name = target.removeprefix(_MARK).split("/")
    found: Mapping[str, Any] = document["components"][section][name]
    return found
