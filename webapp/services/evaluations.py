"""
Quality evaluations as evidence: which skill a criterion speaks of, and which level a score counts as.

A score *s* on a scale from *a* to *b* is the share (s − a) ÷ (b − a) of it. The level is the number of cuts that the
share reaches; the usual cuts 0.1, 0.3, 0.5, 0.7 and 0.9 give the nearest fifth of the scale.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import EvaluationCriterion, Skill
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.versions import require_version

EVALUATION_DAYS = 180
"""Days for which an evaluation speaks for a level."""

USUAL_CUTS = (0.1, 0.3, 0.5, 0.7, 0.9)
FORM = "Quality"
"""The form of a file that names none."""

CriterionKey = tuple[str, str]


def key_of(form: str, criterion: str) -> CriterionKey:
    """Return what a criterion is recognised by: form and criterion without regard to case and blanks."""
    return " ".join(form.casefold().split()), " ".join(criterion.casefold().split())


def level_of(score: float, low: float, high: float, cuts: Sequence[float] = USUAL_CUTS) -> int:
    """
    Return the level that a score counts as.

    Parameters
    ----------
    score
        The score, from ``low`` to ``high``.
    low, high
        The ends of its scale, ``low`` < ``high``.
    cuts
        For the levels 1 to 5 the share of the scale from which a score counts as that level, rising.
    """
    share = (score - low) / (high - low)
    # A share such as 0.7 of a scale of ten is no exact binary fraction.
    return sum(1 for cut in cuts if share >= cut or math.isclose(share, cut, abs_tol=1e-9))


@dataclass(frozen=True, slots=True)
class CriterionEntry:
    """What HR says of a criterion: its skill, None while it waits, and the cuts; ``ignored`` if it concerns none."""

    skill_id: int | None
    cuts: tuple[float, ...] = USUAL_CUTS
    ignored: bool = False


def list_criteria(session: Session) -> Sequence[EvaluationCriterion]:
    """Return all criteria: those that wait first, then by form and criterion."""
    return session.scalars(
        select(EvaluationCriterion)
        .options(joinedload(EvaluationCriterion.skill), joinedload(EvaluationCriterion.last_batch))
        .order_by(
            EvaluationCriterion.ignored | EvaluationCriterion.skill_id.is_not(None),
            EvaluationCriterion.form,
            EvaluationCriterion.criterion,
        )
    ).all()


def load_criteria(session: Session) -> dict[CriterionKey, EvaluationCriterion]:
    """Return the criteria by what they are recognised by."""
    query = select(EvaluationCriterion).options(joinedload(EvaluationCriterion.skill))
    return {key_of(found.form, found.criterion): found for found in session.scalars(query)}


def get_criterion(session: Session, criterion_id: int) -> EvaluationCriterion:
    """
    Return a criterion.

    Raises
    ------
    NotFoundError
        If there is no such criterion.
    """
    found = session.get(EvaluationCriterion, criterion_id)
    if found is None:
        raise NotFoundError("There is no such criterion.")
    return found


def note_criteria(
    session: Session,
    counts: Mapping[tuple[str, str], int],
    waiting: Mapping[tuple[str, str], int],
    *,
    batch_id: int,
    at: dt.datetime,
) -> None:
    """Keep which criteria a file had, as (form, criterion) → scores, and how many of these wait for a skill."""
    known = load_criteria(session)
    for form, criterion in counts:
        found = known.get(key_of(form, criterion))
        if found is None:
            found = EvaluationCriterion(form=form, criterion=criterion, cuts=list(USUAL_CUTS), last_seen_at=at)
            session.add(found)
            known[key_of(form, criterion)] = found
        found.last_batch_id, found.last_seen_at = batch_id, at
        found.waiting = waiting.get((form, criterion), 0)
    session.flush()


def map_criterion(
    session: Session, criterion: EvaluationCriterion, entry: CriterionEntry, *, version: int, by: Actor
) -> EvaluationCriterion:
    """
    Say which skill a criterion speaks of, and how scores become levels.

    Files that are imported from now on follow; the same file imported again brings in what waited.

    Raises
    ------
    ConflictError
        If somebody else changed it meanwhile.
    InvalidInputError
        If the skill is out of use, or the cuts do not rise from above 0 to 1.
    """
    present = words(criterion)
    require_version(criterion, version, seen=present, present=present)
    if entry.skill_id is not None:
        skill = session.get(Skill, entry.skill_id)
        if skill is None or skill.retired_at is not None:
            raise InvalidInputError("Choose a skill that is in use.", field="skill_id")
    rising = all(low < high for low, high in zip(entry.cuts, entry.cuts[1:], strict=False))
    if len(entry.cuts) != len(USUAL_CUTS) or not rising or not (entry.cuts[0] > 0 and entry.cuts[-1] <= 1):
        raise InvalidInputError("Give five shares that rise, above 0 % and up to 100 %.", field="cuts")
    criterion.skill_id = None if entry.ignored else entry.skill_id
    criterion.cuts, criterion.ignored = list(entry.cuts), entry.ignored
    detail = {"before": present, "after": words(criterion)}
    audit.record(session, "map_criterion", criterion, by=by, detail=detail)
    return criterion


def words(criterion: EvaluationCriterion) -> dict[str, str]:
    """Return what an editor of a criterion sees: label → value."""
    return {
        "Skill": str(criterion.skill_id or ""),
        "Cuts": ", ".join(f"{cut:g}" for cut in criterion.cuts),
        "No skill": "yes" if criterion.ignored else "no",
    }
