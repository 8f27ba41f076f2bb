"""What evidence from outside is worth: criteria of evaluations, and issuers of badges with what theirs show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp.errors import InvalidInputError
from webapp.models import BadgeIssuer, BadgeMapping, EvaluationCriterion
from webapp.services import evaluations, evidence_issuers
from webapp.services.badges.keys import read_keys
from webapp.services.configuration.document import Entry, located
from webapp.services.configuration.section import (
    Change,
    Section,
    Work,
    code_field,
    find_id,
    name_field,
    skill_ids,
)
from webapp.services.evaluations import USUAL_CUTS, CriterionEntry
from webapp.services.evidence_issuers import IssuerValues


class _CriterionSchema(Schema):
    form = fields.String(required=True, validate=validate.Length(1, 120))
    criterion = fields.String(required=True, validate=validate.Length(1, 200))
    skill = fields.String(load_default=None, allow_none=True)
    cuts = fields.List(fields.Float(), load_default=lambda: list(USUAL_CUTS))
    ignored = fields.Boolean(load_default=False)


class EvaluationCriteria(Section):
    """The criteria of evaluation forms, and the skill that each speaks of; which files had them stays behind."""

    name: ClassVar[str] = "evaluation_criteria"
    schema: ClassVar[Schema] = _CriterionSchema()
    # They are recognised without regard to case and blanks, and keep the spelling in which they were first seen.
    kept: ClassVar[frozenset[str]] = frozenset({"form", "criterion"})

    def key(self, entry: Entry) -> str:
        """Return form and criterion."""
        return " / ".join(evaluations.key_of(entry["form"], entry["criterion"]))

    def read(self, session: Session) -> list[Entry]:
        """Return all criteria, those that wait for a skill too."""
        query = select(EvaluationCriterion).options(joinedload(EvaluationCriterion.skill))
        return sorted(map(_criterion_entry, session.scalars(query)), key=self.key)

    def normal(self, entry: Entry) -> Entry:
        """Return an entry whose criterion has no skill where it is ignored."""
        return {**entry, "skill": None if entry["ignored"] else entry["skill"]}

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Note what is new, and map it and the rest."""
        known = skill_ids(work.session)
        for change in changes:
            with located(change.path):
                self._write(work, change, known)

    def _write(self, work: Work, change: Change, known: dict[str, int]) -> None:
        session, entry = work.session, change.after
        found = evaluations.load_criteria(session).get(evaluations.key_of(entry["form"], entry["criterion"]))
        if found is None:
            found = EvaluationCriterion(
                form=entry["form"], criterion=entry["criterion"], cuts=list(USUAL_CUTS), last_seen_at=work.by.at
            )
            session.add(found)
            session.flush()
        skill = entry["skill"]
        mapped = CriterionEntry(
            skill_id=None if skill is None else find_id(known, skill, what="skill", name="skill"),
            cuts=tuple(entry["cuts"]),
            ignored=entry["ignored"],
        )
        evaluations.map_criterion(session, found, mapped, version=found.version, by=work.by)


def _criterion_entry(criterion: EvaluationCriterion) -> Entry:
    skill = criterion.skill
    return {
        "form": criterion.form,
        "criterion": criterion.criterion,
        # A skill that is out of use takes no scores any more; elsewhere its criterion waits for another.
        "skill": skill.code if skill is not None and skill.retired_at is None else None,
        "cuts": list(criterion.cuts),
        "ignored": criterion.ignored,
    }


class _BadgeSchema(Schema):
    achievement = fields.String(required=True, validate=validate.Length(1, evidence_issuers.KEY_LENGTH))
    skill = code_field()
    level = fields.Integer(strict=True, required=True)


class _IssuerSchema(Schema):
    name = name_field()
    identifiers = fields.List(fields.String(), required=True)
    keys = fields.List(fields.Dict(keys=fields.String()), load_default=list)
    revoked = fields.List(fields.String(), load_default=list)
    active = fields.Boolean(load_default=True)
    badges = fields.List(fields.Nested(_BadgeSchema), load_default=list)


class BadgeIssuers(Section):
    """The issuers whose badges count, with their public keys, and what each badge shows."""

    name: ClassVar[str] = "badge_issuers"
    schema: ClassVar[Schema] = _IssuerSchema()

    def key(self, entry: Entry) -> str:
        """Return the name."""
        return str(entry["name"])

    def read(self, session: Session) -> list[Entry]:
        """Return all issuers, those no longer trusted too."""
        lines = selectinload(BadgeIssuer.mappings).joinedload(BadgeMapping.skill)
        return sorted(map(_issuer_entry, session.scalars(select(BadgeIssuer).options(lines))), key=self.key)

    def normal(self, entry: Entry) -> Entry:
        """Return an entry with its keys as they are kept, and its badges in order."""
        return {**entry, "keys": _plain_keys(entry["keys"]), "badges": _in_order(entry["badges"])}

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Trust what is new, and note the rest anew."""
        known = skill_ids(work.session)
        for change in changes:
            with located(change.path):
                self._write(work, change, known)

    def _write(self, work: Work, change: Change, known: dict[str, int]) -> None:
        session, entry, by = work.session, change.after, work.by
        values = IssuerValues(
            name=entry["name"],
            identifiers="\n".join(entry["identifiers"]),
            keys=json.dumps(entry["keys"]) if entry["keys"] else "",
            revoked="\n".join(entry["revoked"]),
            active=entry["active"],
        )
        if change.before is None:
            issuer = evidence_issuers.create_issuer(session, values, by=by)
        else:
            issuer = session.scalars(select(BadgeIssuer).where(BadgeIssuer.name == entry["name"])).one()
            if issuer.keys and not entry["keys"]:
                raise InvalidInputError("A file takes no keys away. Do that on the issuer's page.", field="keys")
            if set(change.fields) - {"badges"}:
                evidence_issuers.update_issuer(session, issuer, values, version=issuer.version, seen={}, by=by)
        self._map(work, issuer, entry["badges"], known)

    def _map(self, work: Work, issuer: BadgeIssuer, wanted: list[dict[str, Any]], known: dict[str, int]) -> None:
        there = {_line(mapping)["achievement"] + "\n" + mapping.skill.code: mapping for mapping in _shown(issuer)}
        asked = {line["achievement"] + "\n" + line["skill"]: line for line in wanted}
        for key, mapping in there.items():
            if key not in asked or asked[key]["level"] != mapping.level:
                evidence_issuers.remove_mapping(work.session, issuer, mapping.id, by=work.by)
        # The new line of a badge has the key of the old one, which has to be gone first.
        work.session.flush()
        for key, line in asked.items():
            if key not in there or there[key].level != line["level"]:
                evidence_issuers.add_mapping(
                    work.session,
                    issuer,
                    achievement_key=line["achievement"],
                    skill_id=find_id(known, line["skill"], what="skill", name="badges"),
                    level=line["level"],
                    by=work.by,
                )


def _issuer_entry(issuer: BadgeIssuer) -> Entry:
    return {
        "name": issuer.name,
        "identifiers": list(issuer.identifiers),
        "keys": list(issuer.keys),
        "revoked": list(issuer.revoked),
        "active": issuer.active,
        "badges": _in_order([_line(mapping) for mapping in _shown(issuer)]),
    }


def _shown(issuer: BadgeIssuer) -> list[BadgeMapping]:
    """Return what badges show of skills that are in use; the rest counts nowhere."""
    return [mapping for mapping in issuer.mappings if mapping.skill.retired_at is None]


def _line(mapping: BadgeMapping) -> dict[str, Any]:
    return {"achievement": mapping.achievement_key, "skill": mapping.skill.code, "level": mapping.level}


def _in_order(lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: (line["achievement"], line["skill"]))


def _plain_keys(keys: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [key.as_dict() for key in read_keys(json.dumps(keys))] if keys else []
