"""Records of a plan: how one object is read field by field, and written back."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from typing import Any

from optimizer.reading import Findings, Reader, text

Convert = Callable[[Any, Findings], Any]


def written(value: Any) -> Any:
    """Return a value as JSON data; ``class_`` is written ``class`` and an optional None is left out."""
    if isinstance(value, StrEnum):
        return str(value)
    if isinstance(value, Mapping):
        return {key: written(element) for key, element in value.items()}
    if isinstance(value, tuple):
        return [written(element) for element in value]
    if hasattr(value, "__dataclass_fields__"):
        pairs = ((each.name.rstrip("_"), getattr(value, each.name), each) for each in fields(value))
        always = {"objective", "bound", "gap", "stopped_by"}
        return {name: written(found) for name, found, _ in pairs if found is not None or name in always}
    return value


def one_of(kind: type[StrEnum]) -> Convert:
    """Return a converter that accepts the values of an enumeration."""

    def convert(value: Any, where: Findings) -> StrEnum | None:
        try:
            return kind(value)
        except ValueError:
            where.add(f"must be one of {', '.join(kind)}, not {value!r}")
            return None

    return convert


def any_text(value: Any, where: Findings) -> str:
    """Accept a text, the empty one too."""
    return value if value == "" else text(value, where)


def record_of(kind: Any, converters: Mapping[str, Convert]) -> Convert:
    """Return a converter of an object into a record; a field is required if the record's class gives no default."""
    defaults = {
        each.name for each in fields(kind) if each.default is not MISSING or each.default_factory is not MISSING
    }

    def convert(value: Any, where: Findings) -> Any:
        reader = Reader(value, where)
        taken = {}
        for name, convert_field in converters.items():
            attribute = "class_" if name == "class" else name
            if name in reader.fields or attribute not in defaults:
                taken[attribute] = reader.take(name, convert_field)
        return kind(**taken) if reader.finish() else None

    return convert
