"""
Check-ins from rules: whom to call on before they call, up to a share of the day.

A customer is a key; their contacts and engagements are their history. A rule makes a customer due once for each thing
that made them due: the last contact, the complaint, the setback. Whoever has something open is not called on. Those
whom the rule with the higher priority found, and who have waited longest, come first; the rest waits for a later day.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, func, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import (
    CheckIn,
    CheckInRule,
    CheckInTrigger,
    Contact,
    ContactOutcome,
    Engagement,
    EngagementEvent,
    EngagementState,
    EngagementType,
    Site,
    Stance,
)
from webapp.services import audit, lifecycle, ownership, roster, spans
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.customers import TOKEN_START
from webapp.services.planning import policies, supply
from webapp.services.versions import require_version
from webapp.services.zones import day_bounds

CATCH_UP = dt.timedelta(days=14)
"""How long after the day on which a customer became due an event still counts: a new rule does not dig up years."""

UNDOABLE = lifecycle.PLANNABLE


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """What somebody wants a rule to be; see :class:`webapp.models.CheckInRule`."""

    name: str
    engagement_type_id: int
    trigger: CheckInTrigger
    days: int
    after_type_id: int | None = None
    from_hour: int = 9
    until_hour: int = 17
    priority: int = 2
    active: bool = True


@dataclass(frozen=True, slots=True)
class Due:
    """A customer whom a rule finds due, since the day of what made them so; ``fits`` says whether the share allows."""

    rule: CheckInRule
    customer_key: str
    base_on: dt.date
    minutes: float
    fits: bool


@dataclass(frozen=True, slots=True)
class Allowance:
    """
    What check-ins may take of a day, and why.

    Parameters
    ----------
    capacity_minutes
        Minutes of the day's shifts without breaks, absences and the policy's shrinkage.
    agents
        How many agents work then.
    share
        Which share of the minutes may go into check-ins.
    by_policy
        Whether the planning policy sets the share, because it allows less than the site's rules.
    """

    capacity_minutes: float
    agents: int
    share: float
    by_policy: bool

    @property
    def minutes(self) -> float:
        """Minutes that check-ins may take."""
        return self.capacity_minutes * self.share


@dataclass(frozen=True, slots=True)
class Preview:
    """What rules would make for a day: those due, what they may take, and minutes that are used already."""

    day_on: dt.date
    due: tuple[Due, ...]
    allowance: Allowance
    used_minutes: float

    @property
    def budget_minutes(self) -> float:
        """Minutes that check-ins may take, those that are made already among them."""
        return self.allowance.minutes

    @property
    def fitting(self) -> tuple[Due, ...]:
        """Those that would be made."""
        return tuple(each for each in self.due if each.fits)


@dataclass(frozen=True, slots=True)
class Batch:
    """The check-ins that one rule made for one day; ``open`` of them can still be taken back."""

    rule: CheckInRule
    day_on: dt.date
    count: int
    open: int


def list_rules(session: Session, site: Site) -> Sequence[CheckInRule]:
    """Return the rules of a site, the most urgent first."""
    return session.scalars(
        select(CheckInRule)
        .where(CheckInRule.site_id == site.id)
        .options(joinedload(CheckInRule.engagement_type), joinedload(CheckInRule.after_type))
        .order_by(CheckInRule.priority.desc(), CheckInRule.id)
    ).all()


def get_rule(session: Session, rule_id: int, *, viewer: Viewer, permission: Permission) -> CheckInRule:
    """
    Return a rule of a site on which the viewer has the permission.

    Raises
    ------
    NotFoundError
        If there is none for them.
    """
    rule = session.scalar(
        select(CheckInRule).join(CheckInRule.site).where(CheckInRule.id == rule_id, viewer.sees_site(permission))
    )
    if rule is None:
        raise NotFoundError("There is no such rule.")
    return rule


def list_types(session: Session, *, keep: int | None = None) -> list[EngagementType]:
    """Return the types that a check-in may have: proactive ones in use whose work can wait."""
    kinds = session.scalars(select(EngagementType).order_by(EngagementType.name))
    return [
        kind
        for kind in kinds
        if kind.id == keep or (kind.active and kind.stance is Stance.PROACTIVE and not kind.channel.live)
    ]


def create_rule(session: Session, site: Site, *, draft: RuleDraft, by: Actor) -> CheckInRule:
    """
    Add a rule to a site.

    Raises
    ------
    InvalidInputError
        If the draft breaks a rule of rules; ``field`` names the part.
    """
    _check(session, draft, site=site, present=None)
    rule = CheckInRule(site_id=site.id)
    _apply(rule, draft)
    session.add(rule)
    audit.record(session, "add_check_in_rule", rule, by=by, detail={"site_id": site.id, "active": rule.active})
    return rule


def update_rule(
    session: Session, rule: CheckInRule, *, draft: RuleDraft, version: int, seen: Mapping[str, str], by: Actor
) -> CheckInRule:
    """
    Change a rule; what it has made stays.

    Raises
    ------
    InvalidInputError
        If the draft breaks a rule of rules; ``field`` names the part.
    ConflictError
        If somebody changed it since ``version``.
    """
    require_version(rule, version, seen=seen, present=describe(rule))
    _check(session, draft, site=rule.site, present=rule)
    before = _facts(rule)
    _apply(rule, draft)
    session.flush()
    session.refresh(rule)
    changed = {key: [before[key], value] for key, value in _facts(rule).items() if before[key] != value}
    if changed:
        audit.record(session, "edit_check_in_rule", rule, by=by, detail={"site_id": rule.site_id, **changed})
    return rule


def describe(rule: CheckInRule) -> dict[str, str]:
    """Return a rule in words, label → value, for people who edit it at the same time."""
    return {
        "Name": rule.name,
        "Check-in": rule.engagement_type.name,
        "When": trigger_words(rule),
        "Hours": f"{rule.from_hour}–{rule.until_hour}",
        "Priority": str(rule.priority),
        "In use": "yes" if rule.active else "no",
    }


def trigger_words(rule: CheckInRule) -> str:
    """Return when a customer is due, in words."""
    days = f"{rule.days} day" if rule.days == 1 else f"{rule.days} days"
    if rule.trigger is CheckInTrigger.NO_CONTACT:
        return f"No contact for {days}"
    if rule.trigger is CheckInTrigger.AFTER_TYPE:
        return f"{days} after {rule.after_type.name if rule.after_type else 'any engagement'} was done"
    return f"{days} after work for them was given back or expired"


def preview(session: Session, site: Site, day_on: dt.date, *, rules: Iterable[CheckInRule] | None = None) -> Preview:
    """Return what the rules in use, or the given ones, would make for a day; nothing is written."""
    chosen = list_rules(session, site) if rules is None else rules
    active = sorted((rule for rule in chosen if rule.active), key=lambda rule: (-rule.priority, rule.id or 0))
    allowance, used = _allowance(session, site, day_on), _used(session, site, day_on)
    left = allowance.minutes - used
    taken: set[str] = set()
    found: list[Due] = []
    for rule in active:
        minutes = rule.engagement_type.handle_minutes
        for customer_key, base_on in _due(session, rule, site, day_on):
            if customer_key in taken:
                continue
            taken.add(customer_key)
            fits = minutes <= left + 1e-9
            if fits:
                left -= minutes
            found.append(Due(rule, customer_key, base_on, minutes, fits))
    return Preview(day_on, tuple(found), allowance, used)


def create(session: Session, site: Site, day_on: dt.date, *, by: Actor) -> int:
    """Make the check-ins of a site's rules for a day, each once however often this runs; return how many."""
    # Two who do it at the same time would both find the share unused.
    session.execute(select(Site.id).where(Site.id == site.id).with_for_update())
    made = 0
    for due in preview(session, site, day_on).fitting:
        rule = due.rule
        earliest, latest = _window(rule, site, day_on)
        engagement = Engagement(
            external_id=f"CHK-{uuid.uuid4().hex[:12].upper()}",
            site_id=site.id,
            engagement_type_id=rule.engagement_type_id,
            customer_key=due.customer_key,
            earliest_at=earliest,
            due_at=latest,
            latest_at=latest,
            priority=rule.priority,
            owner_id=ownership.find_case_owner(session, customer_key=due.customer_key, site_id=site.id, at=by.at),
        )
        lifecycle.begin(session, engagement, action="add_check_in", detail={"rule_id": rule.id}, by=by)
        session.add(
            CheckIn(
                rule_id=rule.id,
                customer_key=due.customer_key,
                base_on=due.base_on,
                day_on=day_on,
                engagement_id=engagement.id,
            )
        )
        made += 1
    session.flush()
    return made


def list_batches(session: Session, site: Site, *, limit: int = 20) -> list[Batch]:
    """Return what rules made, by rule and day, the newest day first; what was taken back is left out."""
    open_ones = func.count(Engagement.id).filter(Engagement.state.in_(UNDOABLE))
    rows = session.execute(
        select(CheckInRule, CheckIn.day_on, func.count(CheckIn.id), open_ones)
        .join(CheckIn, CheckIn.rule_id == CheckInRule.id)
        .join(Engagement, Engagement.id == CheckIn.engagement_id)
        .where(CheckInRule.site_id == site.id, CheckIn.undone_at.is_(None))
        .group_by(CheckInRule.id, CheckIn.day_on)
        .order_by(CheckIn.day_on.desc(), CheckInRule.id)
        .limit(limit)
    )
    return [Batch(rule, day_on, count, still) for rule, day_on, count, still in rows]


def undo_batch(session: Session, rule: CheckInRule, day_on: dt.date, *, by: Actor) -> int:
    """
    Take back what a rule made for a day, except what somebody has begun; those customers stay uncalled for this time.

    Raises
    ------
    ConflictError
        If nothing of it can be taken back.
    """
    made = session.scalars(
        select(CheckIn)
        .join(CheckIn.engagement)
        .where(
            CheckIn.rule_id == rule.id,
            CheckIn.day_on == day_on,
            CheckIn.undone_at.is_(None),
            Engagement.state.in_(UNDOABLE),
        )
    ).all()
    if not made:
        raise ConflictError("Nothing of these check-ins can be taken back any more.")
    lifecycle.move_all(
        session,
        {each.engagement_id for each in made},
        among=UNDOABLE,
        state=EngagementState.CANCELLED,
        action="undo_check_ins",
        by=by,
    )
    for each in made:
        each.undone_at = by.at
    audit.record(
        session,
        "undo_check_ins",
        rule,
        by=by,
        detail={"site_id": rule.site_id, "day": day_on.isoformat(), "engagements": len(made)},
    )
    return len(made)


def _due(session: Session, rule: CheckInRule, site: Site, day_on: dt.date) -> list[tuple[str, dt.date]]:
    """Return the customers whom a rule finds due on a day and since when, who have waited longest first."""
    until, _ = day_bounds(day_on - dt.timedelta(days=rule.days - 1), site.time_zone)
    history = _history(rule, site).subquery()
    last = func.max(history.c.at)
    query = select(history.c.customer_key, last).group_by(history.c.customer_key).having(last < until)
    if rule.trigger is not CheckInTrigger.NO_CONTACT:
        query = query.having(last >= until - CATCH_UP)
    opened = set(
        session.scalars(
            select(Engagement.customer_key)
            .where(Engagement.site_id == site.id, Engagement.state.not_in(lifecycle.ENDED))
            .distinct()
        )
    )
    zone = ZoneInfo(site.time_zone)
    found = [
        (customer_key, at.astimezone(zone).date())
        for customer_key, at in session.execute(query.order_by(last, history.c.customer_key))
        if customer_key not in opened
    ]
    made = set()
    if rule.id is not None:
        rows = session.execute(select(CheckIn.customer_key, CheckIn.base_on).where(CheckIn.rule_id == rule.id))
        made = {(customer_key, base_on) for customer_key, base_on in rows}
    return [each for each in found if each not in made]


def _history(rule: CheckInRule, site: Site) -> Select[str, dt.datetime]:
    """Return what counts for a rule: customer and moment."""
    if rule.trigger is CheckInTrigger.AFTER_SETBACK:
        setbacks = (EngagementState.RETURNED, EngagementState.EXPIRED)
        return _ended_at(EngagementEvent.after.in_(setbacks), site)
    finished = _ended_at(
        (EngagementEvent.after == EngagementState.DONE) & (Engagement.state == EngagementState.DONE), site
    )
    if rule.trigger is CheckInTrigger.AFTER_TYPE:
        return finished.where(Engagement.engagement_type_id == rule.after_type_id)
    contacts = select(Contact.customer_key, Contact.arrived_at.label("at")).where(
        Contact.site_id == site.id, Contact.outcome == ContactOutcome.SERVED, *_real(Contact.customer_key)
    )
    both = union_all(contacts, finished).subquery()
    return select(both.c.customer_key, both.c.at)


def _ended_at(condition: ColumnElement[bool], site: Site) -> Select[str, dt.datetime]:
    return (
        select(Engagement.customer_key, EngagementEvent.at.label("at"))
        .join(EngagementEvent, EngagementEvent.engagement_id == Engagement.id)
        .where(Engagement.site_id == site.id, condition, *_real(Engagement.customer_key))
    )


def _real(column: InstrumentedAttribute[str]) -> tuple[ColumnElement[bool], ...]:
    return column != "", ~column.startswith(TOKEN_START, autoescape=True)


def _allowance(session: Session, site: Site, day_on: dt.date) -> Allowance:
    """Return what check-ins may take of a day: the share of the minutes that the site's agents can plan then."""
    starts_at, ends_at = day_bounds(day_on, site.time_zone)
    people = [person.id for person in supply.list_agents(session, site)]
    working = roster.working_spans(session, people, starts_at, ends_at)
    minutes = sum(spans.minutes_of(span) for found in working.values() for span in found)
    share = ownership.settings_of(session, site.id).check_in_share
    policy = policies.policy_of_site(session, site)
    highest = policy.settings.get("proactive_share_max")
    shrinkage = policies.PlanningSettings.of(policy).shrinkage
    return Allowance(
        capacity_minutes=minutes * (1.0 - shrinkage),
        agents=sum(1 for found in working.values() if found),
        share=share if highest is None else min(share, float(highest)),
        by_policy=highest is not None and float(highest) < share,
    )


def _used(session: Session, site: Site, day_on: dt.date) -> float:
    used = session.scalar(
        select(func.sum(func.coalesce(Engagement.minutes, EngagementType.handle_minutes)))
        .select_from(CheckIn)
        .join(CheckIn.engagement)
        .join(Engagement.engagement_type)
        .where(Engagement.site_id == site.id, CheckIn.day_on == day_on, CheckIn.undone_at.is_(None))
    )
    return float(used or 0.0)


def _window(rule: CheckInRule, site: Site, day_on: dt.date) -> tuple[dt.datetime, dt.datetime]:
    zone = ZoneInfo(site.time_zone)
    earliest, latest = (
        dt.datetime.combine(day_on, dt.time(hour), tzinfo=zone).astimezone(dt.UTC)
        for hour in (rule.from_hour, rule.until_hour)
    )
    return earliest, max(earliest, latest)


def _check(session: Session, draft: RuleDraft, *, site: Site, present: CheckInRule | None) -> None:
    name = draft.name.strip()
    if not name or len(name) > 200:
        raise InvalidInputError("Give it a name of at most 200 characters.", field="name")
    same = select(CheckInRule.id).where(CheckInRule.site_id == site.id, CheckInRule.name == name)
    if session.scalar(same) not in {None, present.id if present is not None else None}:
        raise InvalidInputError("Another rule of this site has that name.", field="name")
    keep = present.engagement_type_id if present is not None else None
    if draft.engagement_type_id not in {kind.id for kind in list_types(session, keep=keep)}:
        raise InvalidInputError("Choose a proactive type whose work can wait.", field="engagement_type_id")
    for field, value, low, high in (
        ("days", draft.days, 1, 730),
        ("priority", draft.priority, 1, 5),
        ("from_hour", draft.from_hour, 0, 22),
        ("until_hour", draft.until_hour, draft.from_hour + 1, 23),
    ):
        if not low <= value <= high:
            raise InvalidInputError(f"Choose a whole number from {low} to {high}.", field=field)
    after = draft.after_type_id
    if draft.trigger is CheckInTrigger.AFTER_TYPE and (after is None or session.get(EngagementType, after) is None):
        raise InvalidInputError("Choose after which work.", field="after_type_id")


def _apply(rule: CheckInRule, draft: RuleDraft) -> None:
    rule.name, rule.engagement_type_id, rule.trigger = draft.name.strip(), draft.engagement_type_id, draft.trigger
    rule.days, rule.priority, rule.active = draft.days, draft.priority, draft.active
    rule.from_hour, rule.until_hour = draft.from_hour, draft.until_hour
    rule.after_type_id = draft.after_type_id if draft.trigger is CheckInTrigger.AFTER_TYPE else None


def _facts(rule: CheckInRule) -> dict[str, object]:
    return {
        "engagement_type_id": rule.engagement_type_id,
        "trigger": rule.trigger.value,
        "days": rule.days,
        "after_type_id": rule.after_type_id,
        "hours": [rule.from_hour, rule.until_hour],
        "priority": rule.priority,
        "active": rule.active,
    }
