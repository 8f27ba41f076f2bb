"""Payloads as people see them: whole for those who may read customers' words, their shape for the others."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping as MappingOf
from dataclasses import replace
from typing import Any

from webapp.services.intake import pointers
from webapp.services.intake.mapping import FieldResult, Mapping, Reading

_OPEN_FIELDS = frozenset(
    {"external_id", "sequence", "at", "opened_at", "due_at", "status", "priority", "type", "channel", "queue"}
    | {"served_at", "ended_at"}
)
"""Fields that say nothing of who the customer is or what they wrote."""

_HALVES = re.compile("[\ud800-\udfff]")


def show_json(document: Any) -> str:
    """Return a document as indented JSON that can be written to a page."""
    return _HALVES.sub("�", json.dumps(document, indent=2, ensure_ascii=False))


def mask_document(document: Any, mapping: Mapping) -> Any:
    """Return a document of the same shape in which texts and numbers are only described, but for what is open."""
    opened = {pointer for name, rule in mapping.fields.items() if name in _OPEN_FIELDS for pointer in rule.at}
    opened |= {condition.at for condition in mapping.when}
    return _mask(document, (), opened)


def _mask(value: Any, parts: tuple[str, ...], opened: set[str]) -> Any:
    if isinstance(value, MappingOf):
        return {name: _mask(each, (*parts, str(name)), opened) for name, each in value.items()}
    if isinstance(value, list):
        return [_mask(each, (*parts, str(index)), opened) for index, each in enumerate(value)]
    if value is None or isinstance(value, bool) or pointers.join_pointer(parts) in opened:
        return value
    return described(value)


def described(value: Any) -> str:
    """Return what kind of value something is."""
    return f"text of {len(value)} characters" if isinstance(value, str) else "a number"


def mask_reading(reading: Reading) -> Reading:
    """Return a reading in which customers' words are only described."""
    return replace(
        reading,
        results=tuple(_mask_result(result) for result in reading.results),
        unknown=tuple((pointer, described(value) if value else value) for pointer, value in reading.unknown),
    )


def _mask_result(result: FieldResult) -> FieldResult:
    if result.name in _OPEN_FIELDS or not result.found:
        return result
    return replace(
        result, found=described(result.found), value=described(result.value) if result.value else result.value
    )
