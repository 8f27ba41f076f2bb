"""Policies: of each the newest version; what a file changes becomes the next one, so that runs keep theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from marshmallow import Schema, fields
from sqlalchemy.orm import Session

from optimizer.policy import Policy as OptimizerPolicy
from optimizer.reading import Findings
from webapp.errors import InvalidInputError
from webapp.models import Policy
from webapp.services import audit
from webapp.services.configuration.document import Entry, located
from webapp.services.configuration.section import Change, Section, Work, code_field, name_field, words_field
from webapp.services.planning import policies
from webapp.services.planning.policies import PlanningSettings

_PLANNING = "planning"
_NUMBERED = "revision"
"""The setting that repeats the version's number, which each place counts for itself."""


class _PolicySchema(Schema):
    code = code_field()
    name = name_field()
    description = words_field()
    settings = fields.Dict(keys=fields.String(), required=True)
    retired = fields.Boolean(load_default=False)


class Policies(Section):
    """What the optimizer weighs."""

    name: ClassVar[str] = "policies"
    schema: ClassVar[Schema] = _PolicySchema()

    def read(self, session: Session) -> list[Entry]:
        """Return the newest version of each policy that has been kept."""
        return sorted(map(_entry, policies.list_policies(session)), key=self.key)

    def normal(self, entry: Entry) -> Entry:
        """Return an entry without the number of its version."""
        return {**entry, "settings": _unnumbered(entry["settings"])}

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Keep new versions."""
        for change in changes:
            with located(change.path):
                self._write(work, change)

    def _write(self, work: Work, change: Change) -> None:
        entry, newest = change.after, policies.find_policy(work.session, change.after["code"])
        _check(entry["settings"])
        if newest is None or set(change.fields) - {"retired"}:
            number = newest.number + 1 if newest is not None else 1
            newest = Policy(
                code=entry["code"],
                number=number,
                name=entry["name"],
                description=entry["description"],
                settings=entry["settings"] | {_NUMBERED: number},
                created_by_id=work.by.person_id,
                created_at=work.by.at,
            )
            work.session.add(newest)
            detail = {"code": newest.code, "number": number}
            audit.record(work.session, "add_policy", newest, by=work.by, detail=detail)
        if entry["retired"] != (newest.retired_at is not None):
            newest.retired_at = work.by.at if entry["retired"] else None
            action = "retire_policy" if entry["retired"] else "restore_policy"
            audit.record(work.session, action, newest, by=work.by, detail={"code": newest.code})


def _entry(policy: Policy) -> Entry:
    return {
        "code": policy.code,
        "name": policy.name,
        "description": policy.description,
        "settings": _unnumbered(policy.settings),
        "retired": policy.retired_at is not None,
    }


def _unnumbered(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: settings[name] for name in sorted(settings) if name != _NUMBERED}


def _check(settings: dict[str, Any]) -> None:
    findings = Findings()
    OptimizerPolicy.read({name: value for name, value in settings.items() if name != _PLANNING}, findings)
    findings.raise_if_any()
    planning = settings.get(_PLANNING, {})
    try:
        PlanningSettings(**planning)
    except TypeError as error:
        raise InvalidInputError("It has a setting that planning does not know.", field="settings.planning") from error
    for name, value in planning.items():
        if not isinstance(value, int | float) and value is not None:
            raise InvalidInputError("This is no number.", field=f"settings.planning.{name}")
