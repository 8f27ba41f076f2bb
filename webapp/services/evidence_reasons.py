"""Why a level is what it is: each piece of evidence with what it counts for, the scale, and how the level goes on."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.models import Person, SkillEvent, SkillEventKind
from webapp.services import evidence_endorsements, records
from webapp.services.fading import SkillRule
from webapp.services.projection import LoggedEvent, Projection, project, standing_events
from webapp.services.weighing import HIGHEST_LEVEL, PRIOR, WEIGHTS, Silence, Voice, Weighing, weigh

AHEAD_DAYS = 366
SOON_DAYS = 60


@dataclass(frozen=True, slots=True)
class Piece:
    """
    One piece of evidence with its event.

    ``why_less`` says in words why it does not count, or for less than it says; ``mutual`` tells that its author and the
    person endorse each other.
    """

    event: SkillEvent
    voice: Voice
    why_less: str
    mutual: bool


@dataclass(frozen=True, slots=True)
class ScaleLine:
    """What speaks for and against one level, 0 to 5, and how likely it is."""

    level: int
    support: float
    opposition: float
    probability: float
    reached: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """
    Everything that a level rests on, on one day.

    ``ahead`` are the days from it on which the effective level changes if nothing happens, each with its level.
    """

    on: dt.date
    projection: Projection
    rule: SkillRule
    weighing: Weighing
    pieces: tuple[Piece, ...]
    scale: tuple[ScaleLine, ...]
    ahead: tuple[tuple[dt.date, int], ...]

    @property
    def next_fall(self) -> tuple[dt.date, int] | None:
        """The first day on which the level falls if nothing happens, and to what."""
        return next(((day, level) for day, level in self.ahead if level < self.projection.effective_level), None)


class Step(enum.StrEnum):
    """What would help a record most, for the person to do."""

    BRING_CERTIFICATE = "bring_certificate"
    CLAIM = "claim"
    USE = "use"
    CONFIRM = "confirm"
    BRING_EVIDENCE = "bring_evidence"


def explain(session: Session, person: Person, skill_id: int, on: dt.date) -> Explanation:
    """Return why a person's level in a skill is what it is on a day."""
    log = records.load_logs(session, {(person.id, skill_id)})[person.id, skill_id]
    rule = records.load_rules(session, [skill_id])[skill_id]
    weighing = weigh(standing_events(log), on)
    return Explanation(
        on=on,
        projection=project(log, on, rule),
        rule=rule,
        weighing=weighing,
        pieces=_pieces(session, person.id, skill_id, weighing, on),
        scale=_scale(weighing),
        ahead=levels_ahead(log, rule, on),
    )


def _pieces(session: Session, person_id: int, skill_id: int, weighing: Weighing, on: dt.date) -> tuple[Piece, ...]:
    query = (
        select(SkillEvent)
        .where(SkillEvent.id.in_([voice.event.id for voice in weighing.voices]))
        .options(joinedload(SkillEvent.author), joinedload(SkillEvent.attachment))
    )
    events = {event.id: event for event in session.scalars(query)}
    mutual = evidence_endorsements.list_mutual(session, person_id, skill_id, on)
    return tuple(
        Piece(
            event=events[voice.event.id],
            voice=voice,
            why_less=why_less(voice),
            mutual=voice.event.kind is SkillEventKind.ENDORSEMENT and voice.event.author_id in mutual,
        )
        for voice in weighing.voices
    )


_SILENCES = {
    Silence.OWN_WORD: "One's own word: it never counts.",
    Silence.SETTLED: "A later review looked at everything before it.",
    Silence.REPLACED: "The same source has spoken again since.",
}


def why_less(voice: Voice) -> str:
    """Return in words why evidence does not count, or for less than it says; empty if it counts in full."""
    if voice.silence is Silence.EXPIRED:
        against = " It still speaks against higher levels until the next review." if voice.opposes else ""
        return f"It expired on {voice.event.expires_on:%-d %b %Y}.{against}"
    if voice.silence is not None:
        return _SILENCES[voice.silence]
    said, ceiling = voice.event.level or 0, WEIGHTS[voice.event.kind].ceiling
    if voice.level == said:
        return ""
    if voice.level == ceiling:
        return f"Evidence of this kind counts up to level {ceiling}."
    return f"A later review saw level {voice.level}, so it counts up to that."


def _scale(weighing: Weighing) -> tuple[ScaleLine, ...]:
    """Return the levels from the highest down, as a ladder is read."""
    lines = [ScaleLine(0, 0.0, 0.0, weighing.probabilities[0], reached=True)]
    for level in range(1, HIGHEST_LEVEL + 1):
        support, opposition = weighing.support[level - 1], weighing.opposition[level - 1]
        lines.append(
            ScaleLine(
                level, support, opposition, weighing.probabilities[level], reached=support - opposition - PRIOR > 0
            )
        )
    return tuple(reversed(lines))


def levels_ahead(
    log: Sequence[LoggedEvent], rule: SkillRule, on: dt.date, *, days: int = AHEAD_DAYS
) -> tuple[tuple[dt.date, int], ...]:
    """Return the effective level on a day and on each later one on which it changes if nothing happens."""
    end = on + dt.timedelta(days=days)
    points: list[tuple[dt.date, int]] = []
    day: dt.date | None = on
    while day is not None and day <= end:
        found = project(log, day, rule)
        if not points or points[-1][1] != found.effective_level:
            points.append((day, found.effective_level))
        day = found.changes_on
    return tuple(points)


def next_steps(explained: Explanation) -> list[Step]:
    """Return what would help a record most, the most useful first."""
    projection, rule, steps = explained.projection, explained.rule, []
    soon = explained.on + dt.timedelta(days=SOON_DAYS)
    uncertified = rule.certificate_required and projection.validated_level > 0 and projection.effective_level == 0
    if uncertified or (rule.certificate_required and _is_before(projection.valid_until, soon)):
        steps.append(Step.BRING_CERTIFICATE)
    if _is_before(projection.fades_on, soon):
        steps.append(Step.USE)
    if projection.claimed_level is None:
        steps.append(Step.CLAIM)
    if projection.claimed_level is not None and projection.claimed_level > projection.validated_level:
        steps.append(Step.BRING_EVIDENCE)
    if not steps:
        steps.append(Step.CONFIRM)
    return steps


def _is_before(day: dt.date | None, end: dt.date) -> bool:
    return day is not None and day <= end
