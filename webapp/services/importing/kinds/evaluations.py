"""Quality evaluations: scores of single contacts, as evidence for the skills that their criteria speak of."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import select
from sqlalchemy.orm import aliased

from webapp.models import EvaluationCriterion, ImportKind, SkillEvent, SkillEventKind
from webapp.services import evaluations, records
from webapp.services.access import Permission
from webapp.services.evaluations import EVALUATION_DAYS, FORM, CriterionKey, key_of, level_of
from webapp.services.importing import values
from webapp.services.importing.columns import Column
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.kinds.base import Kind
from webapp.services.importing.stores import Store, chunks
from webapp.services.importing.values import Parser
from webapp.services.importing.writing import Tally
from webapp.services.log_writing import EventRow

_NOON = dt.time(12)
_SCORE = values.decimal(-1_000_000, 1_000_000)
_SOURCE_WORDS = 100


def _parse_when(cell: str) -> dt.datetime:
    """Return the moment that a cell names; a day alone stands for its noon."""
    if ":" in cell:
        return values.parse_moment(cell)
    return dt.datetime.combine(values.parse_date(cell), _NOON)


_WHEN = Parser(f"{values.DATES}; or {values.MOMENTS}", _parse_when)


@dataclass(frozen=True, slots=True)
class _Score:
    """One sound row whose criterion speaks of a skill; ``source`` is what it is recognised by in the log."""

    person_id: int
    skill_id: int
    level: int
    at: dt.datetime
    author_id: int | None
    source: str
    note: str


class Evaluations(Kind):
    """One score of one criterion a row."""

    name = ImportKind.EVALUATIONS
    title = "Quality evaluations"
    about = (
        "Scores of quality evaluations, one criterion a row. They become evidence for the skill that the criterion "
        "speaks of; criteria without a skill are listed and wait, and the file imported again brings them in."
    )
    permission = Permission.IMPORT_DIRECTORY
    stores: ClassVar[tuple[Store, ...]] = ()
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "person",
            values.code,
            "External id of the person evaluated",
            "p1001",
            required=True,
            aliases=("external_id", "agent", "agent_id", "employee_id"),
        ),
        Column(
            "date",
            _WHEN,
            "Day or moment of the evaluation; a day alone counts as its noon",
            "2026-11-03",
            required=True,
            aliases=("at", "evaluated_on", "evaluated_at", "evaluation_date"),
        ),
        Column(
            "evaluator",
            values.text(80),
            "External id of who evaluated; somebody unknown is kept in the note",
            "p2001",
            aliases=("evaluator_id", "reviewer", "analyst"),
        ),
        Column(
            "form", values.text(120), f"Evaluation form; empty: {FORM}", "Calls", aliases=("form_name", "scorecard")
        ),
        Column(
            "criterion",
            values.text(200),
            "Criterion of the form",
            "Understands the question",
            required=True,
            aliases=("question", "item", "category"),
        ),
        Column("score", _SCORE, "Score", "4", required=True, aliases=("points", "result")),
        Column("scale_min", _SCORE, "Lowest score of the scale; empty: 0", "1", aliases=("min", "min_score")),
        Column(
            "scale_max",
            _SCORE,
            "Highest score of the scale",
            "5",
            required=True,
            aliases=("max", "max_score", "out_of"),
        ),
        Column(
            "contact",
            values.text(80),
            "Reference of the contact",
            "c-48213",
            aliases=("contact_id", "interaction", "interaction_id", "call_id"),
        ),
    )

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._waiting: Counter[tuple[str, str]] = Counter()
        self._ordinals: Counter[tuple[Any, ...]] = Counter()
        self._names: dict[CriterionKey, tuple[str, str]] = {}

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Append an event for each score that the log does not hold already, and take replaced ones back."""
        criteria = evaluations.load_criteria(context.session)
        scores = [score for row in rows if (score := self._score(context, row, criteria)) is not None]
        standing = _load_standing(context, {score.person_id for score in scores})
        wholes = records.load_wholes(context.session)
        tally, events = Tally(), list[EventRow]()
        for score in scores:
            present = standing.get((score.person_id, score.source))
            if present is not None:
                whole = wholes.get(present.skill_id, present.skill_id)
                if (whole, present.level, present.at) == (score.skill_id, score.level, score.at):
                    tally.unchanged += 1
                    continue
                tally.changed += 1
                events.append(
                    context.event(
                        score.person_id,
                        present.skill_id,
                        SkillEventKind.RETRACT,
                        retracts_id=present.id,
                        source=score.source,
                    )
                )
            else:
                tally.new += 1
            events.append(
                context.event(
                    score.person_id,
                    score.skill_id,
                    SkillEventKind.EVALUATION,
                    level=score.level,
                    at=score.at,
                    author_id=score.author_id,
                    expires_on=score.at.date() + dt.timedelta(EVALUATION_DAYS),
                    source=score.source,
                    note=score.note,
                )
            )
        context.sink.note("skill_event", tally)
        context.write_events(events)

    def finish(self, context: Context) -> None:
        """Say what waits, and keep which criteria the file had."""
        for (form, criterion), count in sorted(self._waiting.items()):
            context.notes.append(
                f"{count} score{'s' if count != 1 else ''} of “{criterion}” ({form}) wait: no skill is chosen for it "
                "yet. Choose one under Quality criteria and import the file again."
            )
        if context.sink.writes and context.batch_id is not None:
            evaluations.note_criteria(
                context.session, self._counts, self._waiting, batch_id=context.batch_id, at=context.by.at
            )

    def _score(
        self, context: Context, row: ParsedRow, criteria: dict[CriterionKey, EvaluationCriterion]
    ) -> _Score | None:
        person = context.person_of(row)
        low, high, score = row.get("scale_min", 0.0), row.values["scale_max"], row.values["score"]
        if not low < high:
            message = "The scale ends where it begins, or before."
            context.problem(row.number, "scale_max", high, "empty_scale", message, f"A number above {low:g}.")
            return None
        if not low <= score <= high:
            message, accepted = "The score lies outside its scale.", f"A number from {low:g} to {high:g}."
            context.problem(row.number, "score", score, "off_the_scale", message, accepted)
            return None
        if person is None:
            return None
        at = context.moment_of(row.number, "date", row.values["date"], context.sites_by_id[person.site_id].time_zone)
        if at is None or not self._may_say(context, row, person.id, at):
            return None
        evaluator = row.get("evaluator")
        known = context.people.get(evaluator) if evaluator else None
        name = self._name(row)
        self._counts[name] += 1
        criterion = criteria.get(key_of(*name))
        source = self._source(row, name, at)
        if criterion is None or criterion.skill is None or criterion.skill.retired_at is not None:
            if criterion is None or not criterion.ignored:
                self._waiting[name] += 1
            return None
        note = [f"{score:g} on a scale from {low:g} to {high:g}"]
        if row.get("contact"):
            note.append(f"contact {row.get('contact')}")
        if evaluator and known is None:
            note.append(f"by {evaluator}")
        return _Score(
            person.id,
            criterion.skill.id,
            level_of(score, low, high, criterion.cuts),
            at,
            known.id if known else None,
            source,
            ", ".join(note),
        )

    @staticmethod
    def _may_say(context: Context, row: ParsedRow, person_id: int, at: dt.datetime) -> bool:
        """Return whether this may be said of the person by whoever says and brings it; else a problem is noted."""
        if at > context.by.at and at.date() > context.by.at.date():
            message, accepted = "This day has not come yet.", "A day up to today."
            context.problem(row.number, "date", at.date(), "in_future", message, accepted)
            return False
        evaluator = row.get("evaluator")
        if evaluator is not None and evaluator == row.values["person"]:
            message, accepted = "Nobody evaluates themselves.", "Somebody else as evaluator."
            context.problem(row.number, "evaluator", evaluator, "own_evidence", message, accepted)
            return False
        if person_id == context.by.person_id:
            message, accepted = "Nobody brings evidence about themselves.", "Scores of other people."
            context.problem(row.number, "person", row.values["person"], "own_record", message, accepted)
            return False
        return True

    def _name(self, row: ParsedRow) -> tuple[str, str]:
        """Return form and criterion as they were written first."""
        form, criterion = row.get("form", FORM), row.values["criterion"]
        return self._names.setdefault(key_of(form, criterion), (form, criterion))

    def _source(self, row: ParsedRow, name: tuple[str, str], at: dt.datetime) -> str:
        """Return what a score is recognised by when a file comes again: all that it says but the score."""
        said = (row.values["person"], *key_of(*name), row.get("evaluator"), row.get("contact"), at.isoformat())
        # Where no contact is named, two scores of one day are told apart by their order.
        self._ordinals[said] += 1
        content = json.dumps([*said, self._ordinals[said]])
        mark = hashlib.sha256(content.encode()).hexdigest()[:12]
        return f"{f'{name[0]}: {name[1]}'[:_SOURCE_WORDS]} #{mark}"


@dataclass(frozen=True, slots=True)
class _Standing:
    id: int
    skill_id: int
    level: int | None
    at: dt.datetime


def _load_standing(context: Context, person_ids: Collection[int]) -> dict[tuple[int, str], _Standing]:
    """Return the evaluations of people that were not taken back, by what they are recognised by."""
    undone = aliased(SkillEvent)
    taken_back = select(undone.id).where(undone.retracts_id == SkillEvent.id)
    found: dict[tuple[int, str], _Standing] = {}
    for some in chunks(sorted(person_ids)):
        query = select(
            SkillEvent.person_id, SkillEvent.source, SkillEvent.id, SkillEvent.skill_id, SkillEvent.level, SkillEvent.at
        ).where(
            SkillEvent.person_id.in_(some),
            SkillEvent.kind == SkillEventKind.EVALUATION,
            ~taken_back.exists(),
        )
        for person_id, source, event_id, skill_id, level, at in context.session.execute(query):
            found[person_id, source] = _Standing(event_id, skill_id, level, at)
    return found
