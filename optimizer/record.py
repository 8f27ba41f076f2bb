"""Records of the problem format: how one object is read field by field, and written back."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from optimizer.reading import Findings, Reader

T = TypeVar("T")
Fields = dict[str, tuple[Callable[[Any, Findings], Any], bool]]
"""Fields of a class: how each is converted, and whether it is required."""

ADDED_FIELDS = frozenset({"authorities", "authority", "growth_due_minutes", "stretch_slots"})
"""Fields that version 1 got later. They are written only where they say something: so the digest of a problem that
does not use them, by which a plan names its problem, stays what it was."""


_PLAIN = frozenset({bool, float, int, str})
"""What most fields hold, and is JSON data as it stands; asking for abstract types first takes most of the time."""


def read_record(cls: type[T], fields: Fields, value: object, where: Findings) -> T | None:
    """Read one object of the format, or note what is wrong with it and return None."""
    reader = Reader(value, where)
    taken = {
        name: reader.take(name, convert)
        for name, (convert, required) in fields.items()
        if required or name in reader.fields
    }
    if reader.finish():
        with where.below():
            return cls(**taken)
    return None


def written(value: Any) -> Any:
    """Return a field's value as JSON data."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: written(element) for key, element in value.items()}
    if isinstance(value, tuple):
        return [written(element) for element in value]
    return value.to_json() if hasattr(value, "to_json") else value


def to_json(record: Any) -> dict[str, Any]:
    """Return a record as JSON data without the optional fields that are None."""
    fields = ((name, getattr(record, name)) for name in record.__slots__)
    return {name: written(value) for name, value in fields if value is not None and (value or name not in ADDED_FIELDS)}
