"""
Editing policies: a version is never changed, editing makes the next one; what each number means, and who uses which.

Policies are everybody's: an edit concerns the plans of all sites, so that it takes a permission of its own.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from optimizer.policy import LADDER_STEPS, PRESETS, WEIGHTED_TERMS
from optimizer.policy import Policy as OptimizerPolicy
from optimizer.reading import Findings
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Assignment, Plan, PlanRun, PlanState, Policy, Site, SitePolicy
from webapp.services import audit
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.planning import policies, words

MOST_REASON = 300
_NO_LIMIT = 1e6
"""Numbers so large are refused only because they are typing errors."""
_PLANNING = "planning"


@dataclass(frozen=True, slots=True)
class Setting:
    """One number of a policy: where it stands, what it is called and does, and its range."""

    key: str
    group: str
    label: str
    words: str
    least: float
    most: float
    whole: bool = False
    optional: bool = False

    @property
    def range_words(self) -> str:
        """What it may be, in words."""
        return f"{self.least:g} or more" if self.most >= _NO_LIMIT else f"{self.least:g} to {self.most:,g}"

    @property
    def limit_words(self) -> str:
        """What is said to somebody whose number lies outside."""
        most = f"{self.most:,.0f}" if float(self.most).is_integer() else f"{self.most:g}"
        return f"Between {self.least:g} and {most}."


_WEIGHT_WORDS = {
    "service": "Points of served work count this many times. The base that others are measured against.",
    "match": "Rewards agents whose levels fit what the work prefers.",
    "continuity": "Rewards an agent whom the customer knows.",
    "growth": "Rewards stretch work that an agent wants, with a mentor on shift.",
    "practice": "Rewards work that keeps a skill whose evidence is about to lapse.",
    "stability": "Rewards leaving what was published as it is.",
    "cost": "Counts the site's rate per minute against the plan; never anybody's pay.",
    "balance": "Rewards even loads; too much of it serves fewer customers.",
}
_LIMITS = (
    Setting("growth_epsilon", "Limits", "Given up for growth", "Share of customers' value given up at most", 0, 1),
    Setting("late_share", "Limits", "Worth of late work", "Share of its value that the latest start still has", 0, 1),
    Setting("lapse_within_days", "Limits", "About to lapse", "Days ahead that count as such", 0, 365, whole=True),
    Setting("proactive_share_min", "Limits", "Proactive work, least", "Share of assigned minutes", 0, 1, optional=True),
    Setting("proactive_share_max", "Limits", "Proactive work, most", "Share of assigned minutes", 0, 1, optional=True),
    Setting("money_per_point", "Limits", "Money for a point", "For reports only", 0, 1e6),
)
_BUILDING = (
    Setting("shrinkage", "The day", "Shrinkage", "Share of paid minutes lost beside breaks and absences", 0, 0.9),
    Setting("max_carry_minutes", "The day", "Carried over", "Minutes of begun work into the next interval", 0, 240),
    Setting("max_stretch_minutes", "The day", "Stretch work", "Most minutes in one shift", 0, 480),
    Setting("mentor_level", "The day", "Mentors", "Level from which an agent covers others", 1, 5, whole=True),
    Setting("live_priority", "The day", "Live contacts", "Priority at which they compete", 1, 5, whole=True),
    Setting("replan_keep_minutes", "Planning again", "Stands", "Minutes from now that stand", 0, 240, whole=True),
    Setting(
        "replan_max_changes",
        "Planning again",
        "Moves",
        "Engagements that may move",
        0,
        10_000,
        whole=True,
        optional=True,
    ),
    Setting("replan_seconds", "Planning again", "Time limit", "Seconds", 1, 600),
    Setting("swap_max_loss", "Planning again", "Swaps", "Points lost without asking the scheduler", 0, 10_000),
)
RUNG_WORDS = {
    "drop_preferred": "Drop the lowest preferred skill",
    "lower_level": "One level lower",
    "other_site": "Another site",
    "hand_over": "Hand the case over",
    "drop_shadow": "Without a second person",
    "overtime": "Overtime",
    "later": "Later than its latest start",
}


def list_settings() -> list[Setting]:
    """Return every number of a policy that may be edited, in the order of the form."""
    weights = [
        Setting(f"weight_{term}", "Weights", words.term_words(term), _WEIGHT_WORDS[term], 0, 1e6)
        for term in WEIGHTED_TERMS
    ]
    rungs = [
        Setting(f"ladder_{step}", "Ladder", RUNG_WORDS[step], "Points for each engagement; empty: not allowed", 0, 1e6,
                optional=True)
        for step in LADDER_STEPS
    ]  # fmt: skip
    return [*weights, *_LIMITS, *_BUILDING, *rungs]


def values_of(policy: Policy) -> dict[str, float | int | None]:
    """Return the numbers of a policy by the key of their setting."""
    read = policies.optimizer_policy(policy, seed=1, time_limit_seconds=1.0)
    planning = asdict(policies.PlanningSettings.of(policy))
    found: dict[str, float | int | None] = {f"weight_{term}": read.weight(term) for term in WEIGHTED_TERMS}
    found |= {setting.key: getattr(read, setting.key) for setting in _LIMITS}
    found |= {setting.key: planning[setting.key] for setting in _BUILDING}
    return found | {f"ladder_{step}": read.price_of(step) for step in LADDER_STEPS}


def save_version(
    session: Session, policy: Policy, *, values: Mapping[str, float | int | None], reason: str, seen: int, by: Actor
) -> Policy:
    """
    Make the next version of a policy from new numbers; what has not changed makes none.

    Parameters
    ----------
    session
        A session.
    policy
        Its newest version.
    values
        Numbers by the key of their setting.
    reason
        Why, for those who plan by it.
    seen
        Number of the version that the person edited.
    by
        Who edits.

    Raises
    ------
    InvalidInputError
        If a number is out of range, or two contradict each other; its field is named.
    ConflictError
        If somebody made another version meanwhile.
    """
    # Two edits of one policy wait for each other, so that the later one finds the number taken.
    session.execute(select(Policy.id).where(Policy.code == policy.code).with_for_update())
    newest = policies.get_policy(session, policy.code)
    if newest.number != seen:
        raise ConflictError(f"Version {newest.number} came meanwhile. Look at it, then edit that one.")
    if not 1 <= len(reason.strip()) <= MOST_REASON:
        raise InvalidInputError(f"Say why, in up to {MOST_REASON} characters.", field="reason")
    _check_ranges(values)
    if {**values_of(newest), **values} == values_of(newest):
        raise InvalidInputError("Nothing differs from the present version.")
    return _add(
        session, newest.code, newest.name, newest.description, values, number=newest.number + 1, reason=reason, by=by
    )


def copy_policy(session: Session, policy: Policy, *, name: str, reason: str, by: Actor) -> Policy:
    """
    Make a new policy with the numbers of another.

    Raises
    ------
    InvalidInputError
        If the name is empty or taken.
    """
    code = re.sub(r"[^a-z0-9]+", "-", name.strip().lower()).strip("-")[:80]
    if not code or len(name.strip()) > 200:
        raise InvalidInputError("Give it a name of letters or digits.", field="name")
    if code in PRESETS or policies.find_policy(session, code) is not None:
        raise InvalidInputError("There is a policy of this name already.", field="name")
    return _add(
        session, code, name.strip(), policy.description, values_of(policy), number=1, reason=reason or "Copied.", by=by
    )


def _check_ranges(values: Mapping[str, float | int | None]) -> None:
    for setting in list_settings():
        value = values.get(setting.key)
        if value is None:
            if not setting.optional and setting.key in values:
                raise InvalidInputError("Give a number.", field=setting.key)
        elif not setting.least <= value <= setting.most:
            raise InvalidInputError(setting.limit_words, field=setting.key)


def _add(
    session: Session,
    code: str,
    name: str,
    description: str,
    values: Mapping[str, float | int | None],
    *,
    number: int,
    reason: str,
    by: Actor,
) -> Policy:
    settings = _settings(code, number, values)
    policy = Policy(
        code=code,
        number=number,
        name=name,
        description=description,
        settings=settings,
        reason=reason.strip(),
        created_by_id=by.person_id,
        created_at=by.at,
    )
    session.add(policy)
    audit.record(session, "add_policy", policy, by=by, detail={"code": code, "number": number})
    session.flush()
    return policy


def _settings(code: str, number: int, values: Mapping[str, float | int | None]) -> dict[str, Any]:
    optimizer = {
        "name": code,
        "revision": number,
        "weights": {term: float(values.get(f"weight_{term}") or 0.0) for term in WEIGHTED_TERMS},
        **{setting.key: values[setting.key] for setting in _LIMITS if setting.key in values},
        "ladder": [
            {"step": step, "price": values[f"ladder_{step}"]}
            for step in LADDER_STEPS
            if values.get(f"ladder_{step}") is not None
        ],
    }
    findings = Findings()
    try:
        read = OptimizerPolicy.read(optimizer, findings)
        findings.raise_if_any()
    except ValueError as error:
        # The optimizer's own rule has the last word; the one that joins two fields is that of proactive work.
        raise InvalidInputError("The least share lies above the most.", field="proactive_share_max") from error
    known = {field.name for field in fields(policies.PlanningSettings)}
    planning = {setting.key: values[setting.key] for setting in _BUILDING if setting.key in values}
    return read.to_json() | {_PLANNING: {key: value for key, value in planning.items() if key in known}}


@dataclass(frozen=True, slots=True)
class Differing:
    """A number that two versions do not share."""

    setting: Setting
    before: float | int | None
    after: float | int | None


def compare_versions(before: Policy, after: Policy) -> list[Differing]:
    """Return the numbers in which two versions differ."""
    old, new = values_of(before), values_of(after)
    return [
        Differing(setting, old[setting.key], new[setting.key])
        for setting in list_settings()
        if old[setting.key] != new[setting.key]
    ]


def retire(session: Session, policy: Policy, *, by: Actor) -> None:
    """
    Offer a policy no more; runs that used it stay as they are.

    Raises
    ------
    ConflictError
        If it is the default, or a site begins with it.
    """
    begun = session.scalar(select(func.count()).select_from(SitePolicy).where(SitePolicy.policy_code == policy.code))
    if policy.code == policies.DEFAULT or begun:
        raise ConflictError("A site begins its runs with this policy. Give it another one first.")
    policy.retired_at = by.at
    audit.record(session, "retire_policy", policy, by=by, detail={"code": policy.code})


def restore(session: Session, policy: Policy, *, by: Actor) -> None:
    """Offer a retired policy again."""
    policy.retired_at = None
    audit.record(session, "restore_policy", policy, by=by, detail={"code": policy.code})


def set_default(session: Session, site: Site, code: str, *, by: Actor) -> None:
    """
    Say with which policy a site's runs begin.

    Raises
    ------
    InvalidInputError
        If there is none of that code, or it is retired.
    """
    if code not in {known for known, _, _ in policies.list_choices(session)}:
        raise InvalidInputError("Choose a policy.", field="policy")
    row = session.scalar(select(SitePolicy).where(SitePolicy.site_id == site.id))
    if row is None:
        row = SitePolicy(site_id=site.id, policy_code=code)
        session.add(row)
    row.policy_code = code
    audit.record(session, "set_site_policy", row, by=by, detail={"site_id": site.id, "code": code})


@dataclass(frozen=True, slots=True)
class Use:
    """How often a version was used since a day: runs, and plans of these that were published."""

    runs: int
    published: int


def count_use(session: Session, *, since: dt.date, viewer: Viewer) -> dict[int, Use]:
    """Return the use of each version, by its key, at the sites whose plans the viewer sees."""
    rows = session.execute(
        select(PlanRun.policy_id, func.count(), func.count(Plan.published_at))
        .join(PlanRun.site)
        .outerjoin(Plan, Plan.run_id == PlanRun.id)
        .where(PlanRun.day_on >= since, viewer.sees_site(Permission.VIEW_PLANS))
        .group_by(PlanRun.policy_id)
    )
    return {key: Use(made, published) for key, made, published in rows}


@dataclass(frozen=True, slots=True)
class DayChoices:
    """How a published plan came about: runs and policies that were tried for its day, and what was moved by hand."""

    plan: Plan
    policy: Policy
    runs: int
    policies: int
    moved: int


def list_day_choices(session: Session, *, since: dt.date, viewer: Viewer, limit: int = 60) -> list[DayChoices]:
    """Return how the plans in force came about, newest day first: who runs a day until it suits them is seen here."""
    found = session.scalars(
        select(Plan)
        .join(Plan.site)
        .where(Plan.state == PlanState.PUBLISHED, Plan.day_on >= since, viewer.sees_site(Permission.VIEW_PLANS))
        .order_by(Plan.day_on.desc(), Plan.id.desc())
        .limit(limit)
    ).all()
    listed = []
    for plan in found:
        made, tried = session.execute(
            select(func.count(), func.count(PlanRun.policy_id.distinct())).where(
                PlanRun.site_id == plan.site_id, PlanRun.day_on == plan.day_on
            )
        ).one()
        moved = session.scalar(
            select(func.count())
            .select_from(Assignment)
            .where(Assignment.plan_id == plan.id, Assignment.moved_by_id.is_not(None))
        )
        listed.append(DayChoices(plan, plan.run.policy, made, tried, moved or 0))
    return listed


def list_terms() -> list[tuple[str, str]]:
    """Return the terms that have a weight, with what they are called."""
    return [(term, words.term_words(term)) for term in WEIGHTED_TERMS]
