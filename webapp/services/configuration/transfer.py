"""Taking a configuration out, comparing one with what is there, and bringing it in."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.services.audit import Actor
from webapp.services.configuration.catalogue import SkillGroups, Skills
from webapp.services.configuration.document import Entry, located
from webapp.services.configuration.policies import Policies
from webapp.services.configuration.roles import ServiceRoles
from webapp.services.configuration.section import Change, Section, Work
from webapp.services.configuration.systems import Connections, IntakeSources, Webhooks
from webapp.services.configuration.trust import BadgeIssuers, EvaluationCriteria
from webapp.services.configuration.work import CheckInRules, EngagementTypes
from webapp.services.outgoing import Gate
from webapp.services.secrets import SecretBox

SECTIONS: Mapping[str, Section] = {
    section.name: section
    for section in (
        SkillGroups(),
        Skills(),
        EngagementTypes(),
        ServiceRoles(),
        Policies(),
        CheckInRules(),
        EvaluationCriteria(),
        BadgeIssuers(),
        IntakeSources(),
        Connections(),
        Webhooks(),
    )
}
"""By name, in the order in which they are written: each names only things of those before it."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """
    How a file differs from what is there.

    ``only_here`` names, as section and key, what the file does not have; it stays as it is.
    """

    changes: tuple[Change, ...]
    only_here: tuple[tuple[str, str], ...]


def export(session: Session, *, only: Collection[str] = ()) -> dict[str, list[Entry]]:
    """
    Return the configuration that is there, all sections or some.

    Raises
    ------
    ConflictError
        If two things of one site have the same name, so that a file could not tell them apart.
    """
    return {name: section.read(session) for name, section in SECTIONS.items() if not only or name in only}


def compare(session: Session, wanted: Mapping[str, Sequence[Entry]]) -> Comparison:
    """
    Return how a file that was read differs from what is there.

    Raises
    ------
    InvalidInputError
        With the JSON path of what cannot stand.
    """
    changes: list[Change] = []
    only_here: list[tuple[str, str]] = []
    for name, section in SECTIONS.items():
        if name not in wanted:
            continue
        present = {section.key(entry): entry for entry in section.read(session)}
        asked = _by_key(section, wanted[name])
        for key, (path, entry) in asked.items():
            before = present.get(key)
            after = entry if before is None else {**entry, **{kept: before[kept] for kept in section.kept}}
            if before != after:
                changes.append(Change(name, key, path, before, after))
        only_here += [(name, key) for key in present if key not in asked]
    return Comparison(tuple(changes), tuple(only_here))


def _by_key(section: Section, entries: Sequence[Entry]) -> dict[str, tuple[str, Entry]]:
    found: dict[str, tuple[str, Entry]] = {}
    for index, entry in enumerate(entries):
        path = f"$.{section.name}[{index}]"
        with located(path):
            key = section.key(entry)
            if key in found:
                raise InvalidInputError(f"{key} stands at {found[key][0]} already.")
            found[key] = path, section.normal(entry)
    return found


def apply(
    session: Session, wanted: Mapping[str, Sequence[Entry]], *, box: SecretBox, gate: Gate, by: Actor
) -> tuple[Comparison, list[str]]:
    """
    Bring a file in, and return what differed and what is left for a person to do.

    It goes through the services of people's own edits, each change with its audit event; nothing that the file does
    not have is removed.  A second time there is nothing to change.

    Raises
    ------
    InvalidInputError
        With the JSON path of what is refused; the caller rolls back.
    """
    comparison = compare(session, wanted)
    work = Work(session=session, by=by, box=box, gate=gate)
    mine = {name: [each for each in comparison.changes if each.section == name] for name in SECTIONS}
    for name, section in SECTIONS.items():
        section.write(work, mine[name])
        session.flush()
    for name, section in SECTIONS.items():
        section.finish(work, mine[name])
    session.flush()
    return comparison, work.notes
