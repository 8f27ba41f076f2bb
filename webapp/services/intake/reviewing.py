"""The review queue: work whose type is unsure, what it may be, and what people decide."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import (
    Engagement,
    EngagementState,
    EngagementType,
    IntakeExample,
    IntakeItem,
    IntakeMapping,
    IntakeSource,
)
from webapp.services import audit, lifecycle
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.intake import items, mapping, receiving, sources
from webapp.services.intake.classifying import TypeRule, classify
from webapp.services.intake.learning import Learner, NaiveBayes, count_words

MOST_CHOICES = 9
"""How many types are offered under the keys 1 to 9."""

MOST_LEARNT = 5_000
"""From how many of the latest decisions suggestions are learnt."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A type that is offered: why it is, and how likely."""

    engagement_type: EngagementType
    why: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """
    One engagement that waits to be sorted.

    ``item`` is None where it came by the form; ``text`` is empty once it has expired.
    """

    engagement: Engagement
    item: IntakeItem | None
    text: str
    choices: tuple[Choice, ...] = ()

    @property
    def source_name(self) -> str:
        """Where it came from."""
        return self.item.source.name if self.item is not None else "Form"


def _query(viewer: Viewer) -> Any:
    return (
        select(Engagement, IntakeItem)
        .join(Engagement.site)
        .outerjoin(IntakeItem, IntakeItem.engagement_id == Engagement.id)
        .where(viewer.sees_site(Permission.EDIT_WORK), Engagement.state == EngagementState.RECEIVED)
    )


def count_waiting(session: Session, *, viewer: Viewer) -> int:
    """Return how many engagements of the viewer's sites wait to be sorted."""
    query = _query(viewer).with_only_columns(Engagement.id)
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def list_waiting(session: Session, *, viewer: Viewer, limit: int = 100) -> list[Waiting]:
    """Return the engagements that wait to be sorted, the one that is due first at the head; without choices."""
    rows = session.execute(
        _query(viewer)
        .options(joinedload(Engagement.site), joinedload(Engagement.engagement_type))
        .options(joinedload(IntakeItem.source))
        .order_by(Engagement.due_at, Engagement.id)
        .limit(limit)
    )
    return [Waiting(engagement, item, _text(engagement, item, viewer)) for engagement, item in rows]


def _text(engagement: Engagement, item: IntakeItem | None, viewer: Viewer) -> str:
    if item is None or not sources.may_read_payloads(item.source, viewer):
        return engagement.subject
    values = items.known(item)
    return "\n".join(str(values[name]) for name in ("subject", "text") if values.get(name))


def with_choices(session: Session, waiting: Waiting) -> Waiting:
    """Return what waits with the types to choose from: what the rules lean to, what was learnt, then the others."""
    types = {each.code: each for each in _choosable(session)}
    reasons: dict[str, str] = {}
    if waiting.item is not None:
        verdict = waiting.item.verdict
        scores = [(str(code), float(score)) for code, score in verdict.get("scores", [])]
        words = ", ".join(verdict.get("why", [])[:3])
        for place, (code, score) in enumerate(scores):
            reasons[code] = f"rules: {words}" if place == 0 and words else f"rules: {score:g}"
        for suggestion in learner_of(session, waiting.item.source).suggest(count_words(waiting.text))[:3]:
            known = reasons.get(suggestion.type_code)
            learnt = f"learnt: {suggestion.probability:.0%}"
            reasons[suggestion.type_code] = f"{known}; {learnt}" if known else learnt
    ordered = [code for code in reasons if code in types] + [code for code in types if code not in reasons]
    choices = tuple(Choice(types[code], reasons.get(code, "")) for code in ordered[:MOST_CHOICES])
    return replace(waiting, choices=choices)


def _choosable(session: Session) -> list[EngagementType]:
    types = session.scalars(select(EngagementType).where(EngagementType.active).order_by(EngagementType.name))
    return [each for each in types if not each.channel.live]


def list_types(session: Session) -> list[EngagementType]:
    """Return every type that somebody may choose, by name."""
    return _choosable(session)


def learner_of(session: Session, source: IntakeSource) -> Learner:
    """Return a learner trained from the latest decisions at a source's site."""
    rows = session.execute(
        select(IntakeExample.words, EngagementType.code)
        .join(EngagementType, EngagementType.id == IntakeExample.engagement_type_id)
        .join(IntakeSource, IntakeSource.id == IntakeExample.source_id)
        .where(IntakeSource.site_id == source.site_id, EngagementType.active)
        .order_by(IntakeExample.id.desc())
        .limit(MOST_LEARNT)
    )
    return NaiveBayes([(words, code) for words, code in rows])


def get_waiting(session: Session, engagement_id: int, *, viewer: Viewer) -> Waiting:
    """
    Return an engagement that waits to be sorted, with its choices.

    Raises
    ------
    NotFoundError
        If there is none of this id for the viewer, or it waits no more.
    """
    row = session.execute(_query(viewer).where(Engagement.id == engagement_id)).one_or_none()
    if row is None:
        raise NotFoundError("This engagement does not wait to be sorted.")
    engagement, item = row
    return with_choices(session, Waiting(engagement, item, _text(engagement, item, viewer)))


def decide(session: Session, engagement_ids: Sequence[int], *, type_id: int, viewer: Viewer, by: Actor) -> list[int]:
    """
    Say what some engagements are, keep it as examples, and return which waited and now wait no more.

    Raises
    ------
    NotFoundError
        If one lies outside the viewer's scope.
    InvalidInputError
        If the type is none that work can have.
    """
    kind = next((each for each in _choosable(session) if each.id == type_id), None)
    if kind is None:
        raise InvalidInputError("Choose a type that is in use and whose work can wait.", field="type_id")
    decided = []
    for engagement_id in dict.fromkeys(engagement_ids):
        engagement, item = _get(session, engagement_id, viewer=viewer)
        if engagement.state is not EngagementState.RECEIVED:
            continue
        before = engagement.engagement_type.code
        engagement.engagement_type_id, engagement.engagement_type = kind.id, kind
        if item is not None:
            _set_window(session, item, engagement, kind)
            item.typed = True
            _keep_example(session, item, kind, by=by)
        lifecycle.move(
            session,
            engagement,
            EngagementState.CLASSIFIED,
            action="classify_engagement",
            by=by,
            detail={"type": [before, kind.code]},
        )
        if item is not None:
            items.note_standing(session, item, waits=False)
        decided.append(engagement_id)
    return decided


def reopen(session: Session, engagement_ids: Sequence[int], *, viewer: Viewer, by: Actor) -> None:
    """
    Take a decision back: the engagements wait again.

    Raises
    ------
    ConflictError
        If one was planned meanwhile.
    NotFoundError
        If one lies outside the viewer's scope.
    """
    for engagement_id in engagement_ids:
        engagement, item = _get(session, engagement_id, viewer=viewer)
        if engagement.state is not EngagementState.CLASSIFIED:
            raise ConflictError(f"{engagement.external_id} is {engagement.state.value} by now and stays so.")
        if item is not None:
            item.typed = False
            example = session.scalar(select(IntakeExample).where(IntakeExample.item_id == item.id))
            if example is not None:
                session.delete(example)
        lifecycle.move(session, engagement, EngagementState.RECEIVED, action="doubt_type", by=by)
        if item is not None:
            items.note_standing(session, item, waits=True)


def _get(session: Session, engagement_id: int, *, viewer: Viewer) -> tuple[Engagement, IntakeItem | None]:
    row = session.execute(
        select(Engagement, IntakeItem)
        .join(Engagement.site)
        .outerjoin(IntakeItem, IntakeItem.engagement_id == Engagement.id)
        .where(Engagement.id == engagement_id, viewer.sees_site(Permission.EDIT_WORK))
        .with_for_update(of=Engagement)
    ).one_or_none()
    if row is None:
        raise NotFoundError("There is no such engagement.")
    engagement, item = row
    return engagement, item


def _set_window(session: Session, item: IntakeItem, engagement: Engagement, kind: EngagementType) -> None:
    rules = receiving.current_mapping(session, item.source)
    values = items.known(item)
    # Of an erased customer nothing is known any more; the window stays as it is.
    if values and not values.get("due_at"):
        window = items.window_of(rules, values, kind)
        engagement.earliest_at, engagement.due_at, engagement.latest_at = window


def _keep_example(session: Session, item: IntakeItem, kind: EngagementType, *, by: Actor) -> None:
    values = items.known(item)
    words = count_words(" ".join(str(values.get(name, "")) for name in ("subject", "text")))
    example = session.scalar(select(IntakeExample).where(IntakeExample.item_id == item.id))
    if example is None:
        example = IntakeExample(item_id=item.id, source_id=item.source_id)
        session.add(example)
    example.engagement_type_id, example.words = kind.id, words
    example.customer_key, example.at = item.customer_key, by.at


def make_rule(
    session: Session, source: IntakeSource, *, words: Sequence[str], type_code: str, weight: float = 2.0, by: Actor
) -> IntakeMapping:
    """
    Add a rule to a source's mapping, as a new version of it.

    Raises
    ------
    InvalidInputError
        If there are no words, or too many.
    """
    rules = sources.current_rules(session, source)
    data = mapping.to_json(rules)
    data["rules"].append({"type": type_code, "any_of": list(words), "in": "*", "weight": weight})
    extended = mapping.from_json(data)
    note = f"Rule for {type_code}"
    return sources.save_mapping(session, source, extended, based_on=source.mapping_number, note=note, by=by)


def would_sort(session: Session, rule: TypeRule, *, source: IntakeSource, viewer: Viewer) -> list[int]:
    """Return which engagements that wait a rule would have sorted, with the rules that are there already."""
    rules = (*sources.current_rules(session, source).rules, rule)
    found = []
    for waiting in list_waiting(session, viewer=viewer, limit=1_000):
        if waiting.item is not None and waiting.item.source_id == source.id:
            verdict = classify(rules, items.known(waiting.item))
            if verdict.type_code == rule.type_code and verdict.sure(source.threshold):
                found.append(waiting.engagement.id)
    return found


def sort_again(session: Session, source: IntakeSource, *, by: Actor) -> int:
    """Judge what waits of a source by its present mapping, and return how much is sorted now."""
    rules = receiving.current_mapping(session, source)
    query = (
        select(IntakeItem)
        .join(Engagement, Engagement.id == IntakeItem.engagement_id)
        .where(
            IntakeItem.source_id == source.id,
            IntakeItem.typed.is_(False),
            Engagement.state == EngagementState.RECEIVED,
        )
        .order_by(IntakeItem.id)
    )
    count = 0
    for item in session.scalars(query).all():
        status: MappingOf[str, Any] = items.known(item)
        if not status:
            continue
        items.bring_up_to_date(session, item, source, rules, status_before=str(status.get("status", "")), by=by)
        count += item.engagement is not None and item.engagement.state is EngagementState.CLASSIFIED
    # What was judged may have changed no engagement at all.
    audit.record(session, "sort_again", source, by=by, detail={"sorted": count})
    return count
