"""
Skill records: the only writer of skill events and of the records that are projected from them.

A person's own word is written by :func:`claim_level`, :func:`withdraw_claim`, :func:`confirm_current` and
:func:`set_interest`; evidence by others comes through :mod:`webapp.services.reviews` and, in bulk, from imports:
:func:`append_events`, then :func:`reproject`, then one audit event by the caller for the whole file.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import EventKind, Interest, Person, Skill, SkillEvent, SkillEventKind, SkillRecord
from webapp.services import audit, outbox
from webapp.services.audit import Actor
from webapp.services.fading import SkillRule
from webapp.services.projection import EVIDENCE_KINDS, HIGHEST_LEVEL, LoggedEvent, Projection, project, standing_events
from webapp.services.unprojected import find_unprojected_pairs, list_unprojected, list_unprojected_since

Pair = tuple[int, int]
Item = TypeVar("Item")

NOTE_LENGTH = 1000
LINK_LENGTH = 400
_PEOPLE_AT_ONCE = 400
_ROWS_AT_ONCE = 5_000
_PROJECTED = tuple(field.name for field in fields(Projection))
# Built once: twenty columns take longer to name than to read.
_RECORDS = select(SkillRecord.person_id, SkillRecord.skill_id, *(getattr(SkillRecord, name) for name in _PROJECTED))


@dataclass(frozen=True, slots=True)
class NewEvent:
    """
    One line to append to the log; fields as in :class:`webapp.models.SkillEvent`.

    ``at`` is the moment that evidence speaks of, the moment of writing if it is None.
    """

    person_id: int
    skill_id: int
    kind: SkillEventKind
    level: int | None = None
    at: dt.datetime | None = None
    interest: Interest | None = None
    count: int | None = None
    expires_on: dt.date | None = None
    note: str = ""
    source: str = ""
    link: str = ""
    attachment_id: int | None = None
    retracts_id: int | None = None
    import_batch_id: int | None = None


def append_events(session: Session, events: Sequence[NewEvent], *, by: Actor) -> list[int]:
    """
    Append events to the log and return their keys, in the order given.

    The caller projects the pairs again with :func:`reproject` and writes the audit event: one for a whole file.

    Raises
    ------
    ForbiddenError
        If ``by`` would give evidence about themselves.
    InvalidInputError
        If a level lies outside 0–5, or evidence has none.
    """
    for event in events:
        if event.kind in EVIDENCE_KINDS:
            if event.person_id == by.person_id:
                raise ForbiddenError("Nobody assesses themselves: somebody else must give this evidence.")
            check_level(event.level)
    keys: list[int] = []
    for batch in batches(events, _ROWS_AT_ONCE):
        rows = [{**asdict(event), "at": event.at or by.at, "author_id": by.person_id} for event in batch]
        statement = insert(SkillEvent).returning(SkillEvent.id, sort_by_parameter_order=True)
        keys.extend(session.scalars(statement, rows))
    return keys


def retract_events(session: Session, event_ids: Collection[int], *, by: Actor, source: str = "") -> set[Pair]:
    """
    Take events back, as the undo of an import does, and return the pairs to project again.

    Raises
    ------
    NotFoundError
        If one of the events is not in the log.
    """
    wanted = sorted(set(event_ids))
    found = [
        row
        for batch in batches(wanted, _ROWS_AT_ONCE)
        for row in session.execute(
            select(SkillEvent.id, SkillEvent.person_id, SkillEvent.skill_id).where(SkillEvent.id.in_(batch))
        )
    ]
    if len(found) != len(wanted):
        raise NotFoundError("Some of these events are not in the log.")
    events = [
        NewEvent(person_id, skill_id, SkillEventKind.RETRACT, retracts_id=event_id, source=source)
        for event_id, person_id, skill_id in found
    ]
    append_events(session, events, by=by)
    return {(event.person_id, event.skill_id) for event in events}


def reproject(session: Session, pairs: Iterable[Pair], on: dt.date) -> int:
    """
    Write the records of (person, skill) pairs anew from the log, as it stands on a day; return how many there are.

    Each record tells for which days it is right, so that the choice of the day affects speed but no answer. What is
    written about a merged skill belongs to the record in the skill that it is part of.
    """
    wholes = load_wholes(session)
    skills_by_person: dict[int, set[int]] = defaultdict(set)
    for person_id, skill_id in pairs:
        skills_by_person[person_id].add(wholes.get(skill_id, skill_id))
    count, followed = 0, EventKind.LEVEL_VALIDATED in outbox.list_followed(session)
    for people in batches(sorted(skills_by_person), _PEOPLE_AT_ONCE):
        # Two transactions that project one pair at the same time would each miss the other's event; SQLite has one
        # writer anyway, PostgreSQL queues them here.
        session.execute(
            select(Person.id).where(Person.id.in_(people)).order_by(Person.id).with_for_update(key_share=True)
        )
        wanted = {(person, skill) for person in people for skill in skills_by_person[person]}
        logs = load_logs(session, wanted)
        rules = load_rules(session, {skill for _, skill in wanted})
        rows = [_row(pair, project(logs[pair], on, rules[pair[1]])) for pair in sorted(wanted)]
        were = _levels_before(session, wanted) if followed else {}
        for batch in batches(rows, _ROWS_AT_ONCE):
            _upsert(session, batch)
        if followed:
            _tell_levels(session, rows, were, on)
        _expire(session, wanted)
        count += len(rows)
    return count


def _levels_before(session: Session, pairs: Collection[Pair]) -> dict[Pair, tuple[int, int]]:
    query = select(
        SkillRecord.person_id, SkillRecord.skill_id, SkillRecord.validated_level, SkillRecord.effective_level
    ).where(SkillRecord.person_id.in_({person_id for person_id, _ in pairs}))
    return {(person, skill): (validated, effective) for person, skill, validated, effective in session.execute(query)}


def _tell_levels(
    session: Session,
    rows: Iterable[dict[str, Any]],
    were: dict[Pair, tuple[int, int]],
    on: dt.date,
) -> None:
    """Tell those who follow levels of each that is another now; their moment is the begin of the day."""
    changes = [
        outbox.LevelChange(
            row["person_id"],
            row["skill_id"],
            before=were.get((row["person_id"], row["skill_id"]), (0, 0)),
            after=(row["validated_level"], row["effective_level"]),
        )
        for row in rows
    ]
    outbox.emit_levels(session, changes, at=dt.datetime.combine(on, dt.time(), dt.UTC))


def _row(pair: Pair, projection: Projection) -> dict[str, Any]:
    values = {name: getattr(projection, name) for name in _PROJECTED}
    return {"person_id": pair[0], "skill_id": pair[1], "version": 1, **values}


def _upsert(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    statement = dialect.insert(SkillRecord)
    changed: dict[str, Any] = {name: getattr(statement.excluded, name) for name in _PROJECTED}
    changed["version"] = SkillRecord.version + 1
    session.execute(statement.on_conflict_do_update(index_elements=["person_id", "skill_id"], set_=changed), rows)


def _expire(session: Session, pairs: Collection[Pair]) -> None:
    for instance in session.identity_map.values():
        if isinstance(instance, SkillRecord) and (instance.person_id, instance.skill_id) in pairs:
            session.expire(instance)


def expire_records(session: Session) -> None:
    """Let records that the session holds be read anew, after a statement that went past it."""
    for instance in session.identity_map.values():
        if isinstance(instance, SkillRecord):
            session.expire(instance)


def load_wholes(session: Session) -> dict[int, int]:
    """Return the merged skills, each with the skill that it is part of now."""
    merged = select(Skill.id, Skill.merged_into_id).where(Skill.merged_into_id.is_not(None))
    return {skill_id: whole for skill_id, whole in session.execute(merged) if whole is not None}


def load_rules(session: Session, skill_ids: Collection[int]) -> dict[int, SkillRule]:
    """Return how levels hold in each of these skills."""
    rules: dict[int, SkillRule] = {}
    for batch in batches(sorted(set(skill_ids)), _PEOPLE_AT_ONCE):
        query = select(Skill.id, Skill.half_life_days, Skill.certificate_required).where(Skill.id.in_(batch))
        for skill_id, half_life_days, certificate_required in session.execute(query):
            rules[skill_id] = SkillRule(half_life_days, certificate_required)
    return rules


def load_logs(session: Session, pairs: Collection[Pair]) -> dict[Pair, list[LoggedEvent]]:
    """
    Return the events of each pair, an empty list where there are none.

    The events of a skill are also those of the skills that were merged into it.
    """
    logs: dict[Pair, list[LoggedEvent]] = {pair: [] for pair in pairs}
    wanted = {skill for _, skill in pairs}
    roots = {skill_id: root for skill_id, root in load_wholes(session).items() if root in wanted}
    skills = wanted | set(roots)
    query = select(
        SkillEvent.skill_id,
        SkillEvent.id,
        SkillEvent.person_id,
        SkillEvent.kind,
        SkillEvent.at,
        SkillEvent.author_id,
        SkillEvent.level,
        SkillEvent.interest,
        SkillEvent.count,
        SkillEvent.expires_on,
        SkillEvent.source,
        SkillEvent.retracts_id,
    )
    if len(skills) <= _PEOPLE_AT_ONCE:
        query = query.where(SkillEvent.skill_id.in_(skills))
    for people in batches(sorted({person for person, _ in pairs}), _PEOPLE_AT_ONCE):
        for skill_id, *values in session.execute(query.where(SkillEvent.person_id.in_(people))):
            # Of people with many skills most rows may be about others: those are not made events of.
            log = logs.get((values[1], roots.get(skill_id, skill_id)))
            if log is not None:
                log.append(LoggedEvent(*values))
    return logs


def refresh_due(
    session: Session, on: dt.date, *, by: Actor, site_id: int | None = None, limit: int | None = None
) -> int:
    """
    Project again the records on which evidence has expired, or whose level has faded, by a day.

    Parameters
    ----------
    session
        A session.
    on
        The day.
    by
        Who asks for it.
    site_id
        Only the records of people of a site.
    limit
        Only so many of them, so that others need not wait long for the database; call again until none is left.

    Returns
    -------
    int
        How many records there were.
    """
    due = select(SkillRecord.person_id, SkillRecord.skill_id).where(SkillRecord.changes_on <= on)
    if site_id is not None:
        due = due.join(Person, Person.id == SkillRecord.person_id).where(Person.site_id == site_id)
    if limit is not None:
        due = due.order_by(SkillRecord.changes_on, SkillRecord.id).limit(limit)
    pairs = [(person_id, skill_id) for person_id, skill_id in session.execute(due)]
    if not pairs:
        return 0
    count = reproject(session, pairs, on)
    audit.record(
        session, "refresh_records", get_record(session, *pairs[0]), by=by, detail={"on": on.isoformat(), "count": count}
    )
    return count


def projections_on(
    session: Session, person_ids: Collection[int], on: dt.date, *, skill_ids: Collection[int] | None = None
) -> dict[int, dict[int, Projection]]:
    """
    Return what each person has in each skill on any day, by what is known now: person → skill → projection.

    Parameters
    ----------
    session
        A session.
    person_ids
        The people; each is a key of the answer.
    on
        The day; where evidence expires before it, the log is projected to it.
    skill_ids
        The skills that matter, all if None.
    """
    projections: dict[int, dict[int, Projection]] = {person_id: {} for person_id in person_ids}
    unprojected = list_unprojected(session)
    query = _RECORDS
    if skill_ids is not None:
        query = query.where(SkillRecord.skill_id.in_(skill_ids))
    stale: set[Pair] = set()
    for people in batches(sorted(projections), _PEOPLE_AT_ONCE):
        for person_id, skill_id, *values in session.execute(query.where(SkillRecord.person_id.in_(people))):
            projection = Projection(*values)
            projections[person_id][skill_id] = projection
            if not projection.holds_on(on):
                stale.add((person_id, skill_id))
    unprojected = list_unprojected_since(session, unprojected)
    stale |= find_unprojected_pairs(session, unprojected, projections.keys(), skill_ids=skill_ids)
    if not stale:
        return projections
    rules = load_rules(session, {skill_id for _, skill_id in stale})
    for (person_id, skill_id), log in load_logs(session, stale).items():
        projections[person_id][skill_id] = project(log, on, rules[skill_id])
    return projections


def levels_on(session: Session, person_ids: Collection[int], on: dt.date) -> dict[int, dict[int, int]]:
    """Return the effective levels above 0 on any day: person → skill → level. Each person asked for is a key."""
    return {
        person_id: {
            skill_id: projection.effective_level
            for skill_id, projection in skills.items()
            if projection.effective_level
        }
        for person_id, skills in projections_on(session, person_ids, on).items()
    }


def find_record(session: Session, person_id: int, skill_id: int) -> SkillRecord | None:
    """Return the record of a person in a skill, or None."""
    return session.scalar(
        select(SkillRecord).where(SkillRecord.person_id == person_id, SkillRecord.skill_id == skill_id)
    )


def get_record(session: Session, person_id: int, skill_id: int) -> SkillRecord:
    """
    Return the record of a person in a skill.

    Raises
    ------
    NotFoundError
        If there is none.
    """
    record = find_record(session, person_id, skill_id)
    if record is None:
        raise NotFoundError("There is no such skill record.")
    return record


def check_level(level: int | None, *, field: str = "level") -> int:
    """
    Return the level if it is one.

    Raises
    ------
    InvalidInputError
        If it is not a whole number from 0 to 5.
    """
    if not isinstance(level, int) or isinstance(level, bool) or not 0 <= level <= HIGHEST_LEVEL:
        raise InvalidInputError(f"A level is a whole number from 0 to {HIGHEST_LEVEL}.", field=field)
    return level


def check_note(note: str) -> str:
    """
    Return the note without blanks around it.

    Raises
    ------
    InvalidInputError
        If it is too long to be read.
    """
    note = note.strip()
    if len(note) > NOTE_LENGTH:
        raise InvalidInputError(f"Keep the note under {NOTE_LENGTH} characters; it has {len(note)}.", field="note")
    return note


def check_link(link: str) -> str:
    """
    Return a link without blanks around it, empty if there is none.

    Raises
    ------
    InvalidInputError
        If it is no address of the web: others will follow it.
    """
    link = link.strip()
    if link and (not link.lower().startswith(("https://", "http://")) or any(sign.isspace() for sign in link)):
        raise InvalidInputError("A link begins with https:// and has no blanks.", field="link")
    if len(link) > LINK_LENGTH:
        raise InvalidInputError(f"Keep the link under {LINK_LENGTH} characters; it has {len(link)}.", field="link")
    return link


def claim_level(
    session: Session,
    person: Person,
    *,
    skill_id: int,
    level: int,
    note: str = "",
    link: str = "",
    attachment_id: int | None = None,
    by: Actor,
) -> SkillRecord:
    """
    Let a person say which level they have; it is theirs to claim and never raises the validated level.

    What supports it may be a note, a link and a file of theirs (:mod:`webapp.services.attachments`).

    Raises
    ------
    ForbiddenError
        If somebody else claims for them.
    NotFoundError
        If there is no such skill.
    InvalidInputError
        If the level is none, or the skill is retired.
    """
    event = NewEvent(
        person.id,
        skill_id,
        SkillEventKind.CLAIM,
        level=check_level(level),
        note=check_note(note),
        source=by.channel,
        link=check_link(link),
        attachment_id=attachment_id,
    )
    return _say(session, person, event, "claim_level", detail={"level": level}, by=by)


def withdraw_claim(session: Session, person: Person, *, skill_id: int, by: Actor) -> SkillRecord:
    """
    Take the latest claim back: the claim before it stands again, or none.

    Raises
    ------
    ConflictError
        If no claim stands.
    """
    log = standing_events(load_logs(session, {(person.id, skill_id)})[person.id, skill_id])
    claims = [event for event in log if event.kind is SkillEventKind.CLAIM]
    if not claims:
        raise ConflictError("There is no claim to take back.")
    # Beside the claim itself, which may be about a skill that was merged since and stands alone again one day.
    said_of = session.scalars(select(SkillEvent.skill_id).where(SkillEvent.id == claims[-1].id)).one()
    event = NewEvent(person.id, said_of, SkillEventKind.WITHDRAW, retracts_id=claims[-1].id, source=by.channel)
    return _say(session, person, event, "withdraw_claim", detail={"level": claims[-1].level}, by=by)


def confirm_current(session: Session, person: Person, *, skill_id: int, by: Actor) -> SkillRecord:
    """Note that the person finds their record still right."""
    get_record(session, person.id, skill_id)
    event = NewEvent(person.id, skill_id, SkillEventKind.CONFIRM, source=by.channel)
    return _say(session, person, event, "confirm_current", detail={}, by=by)


def set_interest(session: Session, person: Person, *, skill_id: int, interest: Interest, by: Actor) -> SkillRecord:
    """Note whether the person wants work in a skill, would rather not, or neither."""
    event = NewEvent(person.id, skill_id, SkillEventKind.INTEREST, interest=interest, source=by.channel)
    return _say(session, person, event, "set_interest", detail={"interest": interest.value}, by=by)


def _say(
    session: Session, person: Person, event: NewEvent, action: str, *, detail: dict[str, Any], by: Actor
) -> SkillRecord:
    """Append what a person says about themselves, project their record again and audit it."""
    if by.person_id != person.id:
        raise ForbiddenError("Only the person themselves can say this about their skills.")
    # A claim to be taken back may be about a skill that was merged since.
    wholes = load_wholes(session) if event.retracts_id is not None else {}
    skill = get_claimable_skill(session, wholes.get(event.skill_id, event.skill_id))
    append_events(session, [event], by=by)
    reproject(session, [(person.id, skill.id)], by.at.date())
    record = get_record(session, person.id, skill.id)
    audit.record(session, action, record, by=by, person_id=person.id, detail={"skill": skill.code, **detail})
    return record


def get_claimable_skill(session: Session, skill_id: int) -> Skill:
    """
    Return a skill that records may still be written for.

    Raises
    ------
    NotFoundError
        If there is no such skill.
    InvalidInputError
        If it is retired or merged.
    """
    skill = session.get(Skill, skill_id)
    if skill is None:
        raise NotFoundError("There is no such skill.")
    if skill.merged_into is not None:
        raise InvalidInputError(
            f"{skill.name} is part of {skill.merged_into.name} now; choose that one.", field="skill_id"
        )
    if skill.retired_at is not None:
        raise InvalidInputError(
            f"{skill.name} is retired; its records are kept but no longer change.", field="skill_id"
        )
    return skill


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Yield parts of a sequence of up to ``size`` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
