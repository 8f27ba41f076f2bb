"""
A mapping: how the payloads of a source are read, as data and not as code.

Reading never raises, whatever a payload holds: what cannot be read is a problem of its field, and what no rule names is
listed as unknown.
"""

from __future__ import annotations

import datetime as dt
import fnmatch
import math
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from typing import Any

from webapp.errors import InvalidInputError
from webapp.services.intake import pointers
from webapp.services.intake.classifying import TypeRule, rules_from_json, rules_to_json
from webapp.services.intake.transforms import TRANSFORMS, UnreadableError, clean, to_text, transform

MOST_EVENTS = 200
"""How many events one message may hold, where a source sends several at once."""

MOST_LOOKUPS = 200
_TIMES = {"opened_at", "due_at", "at", "served_at", "ended_at"}


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a mapping may fill: what it is called, how long it may be, whether each event needs it."""

    label: str
    meaning: str
    length: int = 80
    required: bool = False


FIELDS: MappingOf[str, Field] = {
    "external_id": Field("Reference", "The thing's own number there, such as the ticket's.", required=True),
    "sequence": Field(
        "Order", "When the thing was last changed there, or a running number: older events never undo newer ones."
    ),
    "at": Field("Event time", "When the event happened; orders events that have no order of their own."),
    "opened_at": Field("Opened", "When the thing began: its window starts here."),
    "due_at": Field("Due", "When it is due, if the source knows; otherwise the window says."),
    "status": Field("Status", "open, done or cancelled, by a lookup table."),
    "priority": Field("Priority", "1 lowest to 5 highest, by a lookup table."),
    "type": Field("Type code", "Code of the engagement type, if the source knows; otherwise the rules decide."),
    "customer_key": Field("Customer key", "The customer's key there, never a name."),
    "subject": Field("Subject", "A line on what it is about.", length=200),
    "text": Field("Text", "The customer's words; they expire and only the rules read them.", length=20_000),
    "channel": Field("Channel", "How the customer came; rules may look at it."),
    "queue": Field("Queue or tags", "Where the source filed it; rules may look at it.", length=400),
    "person": Field("Person", "External id of the agent: the case owner, or who served a contact."),
    "served_at": Field("Served", "Contacts only: when an agent answered."),
    "ended_at": Field("Ended", "Contacts only: when it was over."),
}

STATUSES = ("open", "done", "cancelled")


@dataclass(frozen=True, slots=True)
class FieldRule:
    """
    How one field is filled.

    Parameters
    ----------
    at
        JSON pointers; the first that names something counts.
    how
        Key of :data:`~webapp.services.intake.transforms.TRANSFORMS`.
    lookup
        Found text → value; compared without case. What is not in a table that has entries counts as not given.
    default
        The value if nothing is found, which alone makes a constant.
    prefix
        Put before the value.
    """

    at: tuple[str, ...] = ()
    how: str = "text"
    lookup: MappingOf[str, str] = field(default_factory=dict)
    default: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """Events count only if the value at a pointer is one of some texts; ``*`` in a text stands for anything."""

    at: str
    any_of: tuple[str, ...]

    def holds(self, document: Any) -> bool:
        """Return whether a document fulfils it."""
        found = pointers.find(document, self.at)
        try:
            text = to_text(found) if found is not pointers.MISSING and found is not None else ""
        except UnreadableError:
            return False
        return any(fnmatch.fnmatchcase(text.casefold(), pattern.casefold()) for pattern in self.any_of)


@dataclass(frozen=True, slots=True)
class Window:
    """
    How long work may wait, in minutes from when it was opened.

    ``minutes`` is when it is due, ``by_type`` and ``by_priority`` say otherwise for some; the shortest that applies
    counts. ``grace`` is how long after that it may still start.
    """

    minutes: float = 480.0
    by_priority: MappingOf[int, float] = field(default_factory=dict)
    by_type: MappingOf[str, float] = field(default_factory=dict)
    grace: float = 480.0

    def due_after(self, *, priority: int, type_code: str) -> dt.timedelta:
        """Return how long after it was opened an engagement is due."""
        special = [self.by_priority.get(priority), self.by_type.get(type_code)]
        return dt.timedelta(minutes=min([each for each in special if each is not None] or [self.minutes]))


@dataclass(frozen=True, slots=True)
class Mapping:
    """
    How the payloads of a source are read.

    Parameters
    ----------
    each
        Path with ``*`` to the events of a message that holds several; empty if a message is one event.
    event_id
        Pointers whose values together are the event's key; none: the digest of the body.
    when
        Conditions that an event must all fulfil to count.
    fields
        Name of :data:`FIELDS` → rule.
    rules
        What decides on the type.
    window
        How long work may wait.
    """

    each: str = ""
    event_id: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()
    fields: MappingOf[str, FieldRule] = field(default_factory=dict)
    rules: tuple[TypeRule, ...] = ()
    window: Window = field(default_factory=Window)

    def known_pointers(self) -> set[str]:
        """Return every pointer that the mapping reads."""
        named = {pointer for rule in self.fields.values() for pointer in rule.at}
        return named | set(self.event_id) | {condition.at for condition in self.when}


@dataclass(frozen=True, slots=True)
class FieldResult:
    """What became of one field: where it was found, what stood there, what it became or why it could not."""

    name: str
    label: str
    pointer: str
    found: str
    value: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What a payload says by a mapping.

    ``values`` holds JSON types; times are ISO texts in UTC. ``ignored`` says why the event does not count.
    """

    event_key: str
    values: MappingOf[str, Any]
    results: tuple[FieldResult, ...]
    unknown: tuple[tuple[str, str], ...]
    ignored: str = ""

    @property
    def problems(self) -> list[str]:
        """What could not be read, a sentence for each field."""
        return [f"{result.label}: {result.problem}" for result in self.results if result.problem]


def split(mapping: Mapping, message: Any) -> list[Any]:
    """
    Return the events of a message.

    Raises
    ------
    InvalidInputError
        If there are more than :data:`MOST_EVENTS`.
    """
    if not mapping.each:
        return [message]
    try:
        return pointers.split_document(message, mapping.each, most=MOST_EVENTS)
    except ValueError as error:
        raise InvalidInputError(str(error)) from error


def read(mapping: Mapping, document: Any, *, with_unknown: bool = False) -> Reading:
    """Return what one event says; ``with_unknown`` lists what no rule names as well, which takes longer."""
    results, values = [], {}
    for name, rule in mapping.fields.items():
        result, value = _read_field(name, rule, document)
        results.append(result)
        if value is not None:
            values[name] = value
    results += [
        FieldResult(name, described.label, "", "", "", "It is missing, and each event needs it.")
        for name, described in FIELDS.items()
        if described.required and name not in mapping.fields
    ]
    unknown = pointers.list_unknown(document, mapping.known_pointers()) if with_unknown else []
    failing = next((condition for condition in mapping.when if not condition.holds(document)), None)
    return Reading(
        event_key=_event_key(mapping, document),
        values=values,
        results=tuple(results),
        unknown=tuple((pointer, _shown(value)) for pointer, value in unknown),
        ignored="" if failing is None else f"{failing.at} is none of {', '.join(failing.any_of)}",
    )


def _event_key(mapping: Mapping, document: Any) -> str:
    parts = []
    for pointer in mapping.event_id:
        found = pointers.find(document, pointer)
        if found is pointers.MISSING or found is None:
            continue
        try:
            parts.append(to_text(found))
        except UnreadableError:
            continue
    # A key of which a part is missing could be another event's.
    return ":".join(parts) if len(parts) == len(mapping.event_id) else ""


def _read_field(name: str, rule: FieldRule, document: Any) -> tuple[FieldResult, Any]:
    described = FIELDS[name]
    pointer, found = _first(rule, document)
    value: Any = None
    problem = ""
    try:
        if found is not pointers.MISSING:
            value = _looked_up(rule, transform(rule.how, found))
        if value in {None, ""} and rule.default:
            value = rule.default
        value = _fitted(name, rule.prefix, value)
    except UnreadableError as error:
        value, problem = None, str(error)
    if described.required and value is None and not problem:
        problem = "It is missing, and each event needs it."
    shown = "" if found is pointers.MISSING else _shown(found)
    return FieldResult(name, described.label, pointer, shown, "" if value is None else str(value), problem), value


def _first(rule: FieldRule, document: Any) -> tuple[str, Any]:
    for pointer in rule.at:
        found = pointers.find(document, pointer)
        if found is not pointers.MISSING and found is not None and found not in ("", []):
            return pointer, found
    return "", pointers.MISSING


def _looked_up(rule: FieldRule, value: Any) -> Any:
    if not rule.lookup:
        return value
    table = {name.casefold(): meant for name, meant in rule.lookup.items()}
    return table.get(to_text(value).casefold()) if not isinstance(value, dt.datetime) else value


def _fitted(name: str, prefix: str, value: Any) -> Any:
    """Return a value as its field holds it, None if it is not given."""
    if value is None or value == "":
        return None
    if name in _TIMES:
        moment = value if isinstance(value, dt.datetime) else transform("iso", value)
        return moment.isoformat()
    if name == "sequence":
        return _order(value)
    if name == "priority":
        number = transform("number", value)
        if number not in {1, 2, 3, 4, 5}:
            raise UnreadableError("A priority is a whole number from 1 to 5; give a lookup table.")
        return int(number)
    text = value.isoformat() if isinstance(value, dt.datetime) else to_text(value)
    if name == "status" and text not in STATUSES:
        raise UnreadableError("A status is open, done or cancelled; give a lookup table.")
    text = clean(prefix + text)
    if name == "external_id" and len(text) > FIELDS[name].length:
        raise UnreadableError(f"It is longer than {FIELDS[name].length} characters.")
    return text[: FIELDS[name].length]


def _order(value: Any) -> float:
    """Return a number that grows with time, from a time or a running number."""
    return value.timestamp() if isinstance(value, dt.datetime) else float(transform("number", value))


def _shown(value: Any) -> str:
    """Return a value as a line for people."""
    if isinstance(value, MappingOf):
        return "{}" if not value else f"{{{len(value)} values}}"
    try:
        return to_text(value)[:200]
    except UnreadableError:
        return f"[{len(value)} values]" if isinstance(value, list) else ""


def from_json(data: Any) -> Mapping:
    """
    Return a mapping from its JSON form.

    Raises
    ------
    InvalidInputError
        Naming what is wrong: ``field`` is the part of the mapping.
    """
    if not isinstance(data, MappingOf):
        raise InvalidInputError("A mapping is a JSON object.")
    fields = {}
    for name, rule in _object(data, "fields").items():
        if name not in FIELDS:
            raise InvalidInputError(f"There is no field {name}; there are {', '.join(FIELDS)}.", field=str(name))
        fields[name] = _field_rule(name, rule)
    if "external_id" not in fields:
        raise InvalidInputError("Say where the thing's own reference stands.", field="external_id")
    return Mapping(
        each=_pointer(str(data.get("each") or ""), "each"),
        event_id=tuple(_pointer(str(each), "event_id") for each in _list(data, "event_id")),
        when=tuple(_condition(each) for each in _list(data, "when")),
        fields={name: fields[name] for name in FIELDS if name in fields},
        rules=rules_from_json(_list(data, "rules")),
        window=_window(_object(data, "window")),
    )


def to_json(mapping: Mapping) -> dict[str, Any]:
    """Return the JSON form of a mapping, which :func:`from_json` reads."""
    return {
        "each": mapping.each,
        "event_id": list(mapping.event_id),
        "when": [{"at": each.at, "any_of": list(each.any_of)} for each in mapping.when],
        "fields": {
            name: {
                "at": list(rule.at),
                "as": rule.how,
                "lookup": dict(rule.lookup),
                "default": rule.default,
                "prefix": rule.prefix,
            }
            for name, rule in mapping.fields.items()
        },
        "rules": rules_to_json(mapping.rules),
        "window": {
            "minutes": mapping.window.minutes,
            "by_priority": {str(key): value for key, value in mapping.window.by_priority.items()},
            "by_type": dict(mapping.window.by_type),
            "grace": mapping.window.grace,
        },
    }


def _field_rule(name: str, rule: Any) -> FieldRule:
    if not isinstance(rule, MappingOf):
        raise InvalidInputError(f"The rule of {name} is no JSON object.", field=name)
    how, lookup = str(rule.get("as") or "text"), _object(rule, "lookup")
    if how not in TRANSFORMS:
        raise InvalidInputError(f"“{how[:40]}” is none of {', '.join(TRANSFORMS)}.", field=name)
    if len(lookup) > MOST_LOOKUPS:
        raise InvalidInputError(f"A lookup table has up to {MOST_LOOKUPS} lines.", field=name)
    if name == "status" and not {str(each) for each in lookup.values()} <= set(STATUSES):
        raise InvalidInputError("A status becomes open, done or cancelled.", field=name)
    at = tuple(_pointer(str(each), name) for each in _list(rule, "at"))
    default = clean(str(rule.get("default") or ""))
    if not at and not default:
        raise InvalidInputError("Give a pointer, or a value that always holds.", field=name)
    return FieldRule(
        at=at,
        how=how,
        lookup={clean(str(key)): clean(str(value)) for key, value in lookup.items()},
        default=default,
        prefix=clean(str(rule.get("prefix") or ""))[:20],
    )


def _condition(data: Any) -> Condition:
    any_of = tuple(clean(str(each)) for each in _list(data, "any_of")) if isinstance(data, MappingOf) else ()
    if not any_of:
        raise InvalidInputError("A condition is a pointer and the texts that count.", field="when")
    return Condition(_pointer(str(data.get("at") or ""), "when"), any_of)


def _window(data: MappingOf[str, Any]) -> Window:
    return Window(
        minutes=_minutes(data.get("minutes", 480), "window"),
        by_priority={
            int(key): _minutes(value, "window_by_priority")
            for key, value in _object(data, "by_priority").items()
            if _is_priority(key)
        },
        by_type={str(key): _minutes(value, "window_by_type") for key, value in _object(data, "by_type").items()},
        grace=_minutes(data.get("grace", 480), "window_grace", low=0),
    )


def _is_priority(key: Any) -> bool:
    if str(key) not in {"1", "2", "3", "4", "5"}:
        raise InvalidInputError(f"“{str(key)[:20]}” is no priority from 1 to 5.", field="window_by_priority")
    return True


def _minutes(value: Any, name: str, *, low: float = 1) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not low <= number <= 60 * 24 * 90:
        raise InvalidInputError("Give minutes, up to 90 days of them.", field=name)
    return number


def _pointer(text: str, name: str) -> str:
    try:
        pointers.split_pointer(text)
    except ValueError as error:
        raise InvalidInputError(str(error), field=name) from error
    return clean(text)[:400]


def _object(data: MappingOf[str, Any], name: str) -> MappingOf[str, Any]:
    found = data.get(name) or {}
    if not isinstance(found, MappingOf):
        raise InvalidInputError(f"{name} is no JSON object.", field=name)
    return found


def _list(data: MappingOf[str, Any], name: str) -> list[Any]:
    found = data.get(name) or []
    if not isinstance(found, list | tuple):
        raise InvalidInputError(f"{name} is no list.", field=name)
    return list(found)
