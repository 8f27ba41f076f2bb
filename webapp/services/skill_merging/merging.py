"""
Merging a skill into another, and the undo.

Events keep the skill that they were written for; the skill that is merged points to its target, and the target's
records are projected from the events of both. What else named the source names the target afterwards; each row that
changed is noted, so that an undo restores exactly it, or says what was edited since.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import delete, exists, insert, literal, select, update
from sqlalchemy.orm import Session, aliased, joinedload

from optimizer.graphs.skills import find_cycle
from webapp.errors import ConflictError, DependencyError, NotFoundError
from webapp.models import Interest, LinkKind, Skill, SkillEvent, SkillLink, SkillMerge, SkillRecord
from webapp.services import audit, record_renewal
from webapp.services.audit import Actor
from webapp.services.record_renewal import WAITING
from webapp.services.records import expire_records
from webapp.services.skill_merging.plan import plan_merge
from webapp.services.skill_merging.rows import RowChange, apply, find_edits, revert

_NO_SYNC = {"synchronize_session": False}


def merge_skill(session: Session, source: Skill, target: Skill, *, by: Actor) -> SkillMerge:
    """
    Put a skill in another's place, with all that names it, in one transaction and one audit event.

    Raises
    ------
    InvalidInputError
        If the two are the same, the target is retired or merged, or prerequisites would run in a circle.
    ConflictError
        If the source is merged already.
    """
    plan = plan_merge(session, source, target)
    changes = apply(session, plan.changes)
    _move_records(session, source, target, by.at.date())
    session.execute(
        update(Skill).where(Skill.merged_into_id == source.id).values(merged_into_id=target.id),
        execution_options=_NO_SYNC,
    )
    was_retired_at, source_code = source.retired_at, source.code
    source.merged_into_id = target.id
    source.retired_at = source.retired_at or by.at
    merge = SkillMerge(
        source_id=source.id,
        target_id=target.id,
        at=by.at,
        by_id=by.person_id,
        moved={
            "retired_at": was_retired_at.isoformat() if was_retired_at else None,
            "parts": [part.id for part in plan.parts],
            "rows": [change.as_json() for change in changes],
        },
    )
    session.add(merge)
    session.flush()
    session.expire_all()
    record_renewal.renew(session, [target.id], by=by)
    detail = {
        "code": source_code,
        "into": target.code,
        "people": plan.people,
        "events": plan.events,
        "rows": _count_by_table(changes),
        "merge": merge.id,
    }
    audit.record(session, "merge_skill", source, by=by, detail=detail)
    return merge


def _move_records(session: Session, source: Skill, target: Skill, on: dt.date) -> None:
    """Let the source's records go: where the person has none in the target, theirs becomes it and waits for renewal."""
    session.flush()
    has_target = aliased(SkillRecord)
    people_with_both = select(has_target.person_id).where(has_target.skill_id == target.id)
    of_source = SkillRecord.skill_id == source.id
    held = select(SkillRecord.person_id).where(of_source)
    stale = {"holds_from": WAITING, "changes_on": on}
    session.execute(
        update(SkillRecord).where(SkillRecord.skill_id == target.id, SkillRecord.person_id.in_(held)).values(stale),
        execution_options=_NO_SYNC,
    )
    session.execute(
        delete(SkillRecord).where(of_source, SkillRecord.person_id.in_(people_with_both)), execution_options=_NO_SYNC
    )
    session.execute(
        update(SkillRecord).where(of_source).values(skill_id=target.id, **stale), execution_options=_NO_SYNC
    )
    expire_records(session)


def undo_merge(session: Session, merge: SkillMerge, *, by: Actor) -> Skill:
    """
    Let a merged skill stand alone again, with all that followed it, and return it.

    What was said of the target since stays with the target.

    Raises
    ------
    ConflictError
        If the merge is undone already, the target was merged itself, or a link made since would close a circle.
    DependencyError
        If something that moved was edited since; its rows say what.
    """
    source, target = merge.source, merge.target
    if merge.undone_at is not None:
        raise ConflictError(f"{source.name} stands alone again already.")
    if target.merged_into is not None:
        raise ConflictError(f"{target.name} has become part of {target.merged_into.name} since. Undo that merge first.")
    changes = [RowChange(**row) for row in merge.moved["rows"]]
    edits = find_edits(session, changes)
    if edits:
        raise DependencyError(
            f"{source.name} cannot be taken out of {target.name} again, because of later edits: {'; '.join(edits)}.",
            rows=edits,
        )
    since = merge.moved["retired_at"]
    with session.begin_nested():
        source.merged_into_id = None
        source.retired_at = dt.datetime.fromisoformat(since) if since else None
        merge.undone_at = by.at
        session.flush()
        session.execute(
            update(Skill).where(Skill.id.in_(merge.moved["parts"])).values(merged_into_id=source.id),
            execution_options=_NO_SYNC,
        )
        apply(session, [revert(change) for change in reversed(changes)])
        _check_circle(session, source)
        _split_records(session, source, target, by.at.date())
    session.expire_all()
    record_renewal.renew(session, [source.id, target.id], by=by)
    detail = {"code": source.code, "out_of": target.code, "rows": _count_by_table(changes), "merge": merge.id}
    audit.record(session, "undo_merge", source, by=by, detail=detail)
    return source


def _check_circle(session: Session, source: Skill) -> None:
    for kind in (LinkKind.PREREQUISITE, LinkKind.BROADER):
        rows = session.execute(select(SkillLink.skill_id, SkillLink.other_id).where(SkillLink.kind == kind))
        if find_cycle([(skill_id, other_id) for skill_id, other_id in rows]):
            raise ConflictError(
                f"With {source.name} on its own again, links that were made since would run in a circle. "
                "Remove these first."
            )


def _split_records(session: Session, source: Skill, target: Skill, on: dt.date) -> None:
    """Give those of whom something was said in the source a record of it, and the target's records only its own."""
    own = select(Skill.id).where((Skill.id == source.id) | (Skill.merged_into_id == source.id))
    theirs = select(Skill.id).where((Skill.id == target.id) | (Skill.merged_into_id == target.id))
    people = select(SkillEvent.person_id).where(SkillEvent.skill_id.in_(own)).distinct()
    row = select(
        SkillEvent.person_id,
        literal(source.id),
        literal(1),
        literal(0),
        literal(0),
        literal(0),
        literal(0),
        literal(0),
        literal(Interest.NONE, SkillRecord.interest.type),
        literal(WAITING, SkillRecord.holds_from.type),
        literal(on, SkillRecord.changes_on.type),
    ).where(SkillEvent.skill_id.in_(own))
    names = [
        "person_id",
        "skill_id",
        "version",
        "validated_level",
        "validated_low",
        "validated_high",
        "effective_level",
        "used_count",
        "interest",
        "holds_from",
        "changes_on",
    ]
    session.execute(insert(SkillRecord).from_select(names, row.distinct()), execution_options=_NO_SYNC)
    of_target = (SkillRecord.skill_id == target.id) & SkillRecord.person_id.in_(people)
    still_said = exists().where(SkillEvent.person_id == SkillRecord.person_id, SkillEvent.skill_id.in_(theirs))
    session.execute(delete(SkillRecord).where(of_target, ~still_said), execution_options=_NO_SYNC)
    session.execute(
        update(SkillRecord).where(of_target).values(holds_from=WAITING, changes_on=on), execution_options=_NO_SYNC
    )
    expire_records(session)


def _count_by_table(changes: Sequence[RowChange]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for change in changes:
        counts[change.table] = counts.get(change.table, 0) + 1
    return counts


def get_merge(session: Session, merge_id: int) -> SkillMerge:
    """
    Return a merge.

    Raises
    ------
    NotFoundError
        If there is no such merge.
    """
    merge = session.get(SkillMerge, merge_id)
    if merge is None:
        raise NotFoundError("There is no such merge.")
    return merge


def list_merges(session: Session, skill: Skill) -> Sequence[SkillMerge]:
    """Return the merges that a skill had a part in, newest first."""
    return session.scalars(
        select(SkillMerge)
        .where((SkillMerge.source_id == skill.id) | (SkillMerge.target_id == skill.id))
        .options(joinedload(SkillMerge.source), joinedload(SkillMerge.target))
        .order_by(SkillMerge.id.desc())
    ).all()
