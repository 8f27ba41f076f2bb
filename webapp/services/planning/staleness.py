"""Whether the inputs of a plan still hold, and what changed since its run."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import plan as answered
from optimizer import problem as asked
from webapp.errors import InvalidInputError
from webapp.models import Engagement, EngagementState, Plan
from webapp.services.planning import store, under_way
from webapp.services.planning.names import Names, load_names
from webapp.services.planning.problem import DayProblem, Effort, build_problem
from webapp.services.planning.tranches import by_type

# Fields of an engagement in the problem file → what a scheduler calls them.
_ENGAGEMENT_FIELDS = {
    "minutes": "minutes",
    "earliest": "earliest start",
    "due": "due time",
    "latest": "latest start",
    "priority": "priority",
    "value": "value",
    "requires": "required skills",
    "known_agents": "known agents",
    "excluded_agents": "agents who declined it",
    "owner": "case owner",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One input that is not as it was: ``kind`` is ``agent``, ``engagement``, ``forecast``, ``pin`` or ``day``."""

    kind: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Freshness:
    """
    What the inputs of a plan are now, held against what they were.

    ``digest`` names their present state, so that a confirmation covers exactly the changes that were shown; ``now`` is
    the problem of the
    present, or None where it cannot even be asked any more, which ``changes`` then says.
    """

    digest: str
    changes: tuple[Change, ...]
    now: DayProblem | None

    @property
    def fresh(self) -> bool:
        """Whether nothing changed."""
        return not self.changes


def check_freshness(session: Session, plan: Plan, *, today: dt.date) -> Freshness:
    """Build the plan's problem anew from what the database holds now, and compare."""
    run = plan.run
    was = store.load_problem(run)
    names = load_names(session, was)
    try:
        now = build_problem(
            session,
            plan.site,
            plan.day_on,
            policy=run.policy,
            interval_minutes=run.interval_minutes,
            today=today,
            effort=Effort(seed=run.seed, time_limit_seconds=run.time_limit_seconds, gap=run.gap_target),
            take_under_way=False,
        )
        moved_hours = now.horizon != store.horizon_of(run)
        if moved_hours:
            # Intervals are compared one by one, so the day is asked about again in the hours that the run had.
            now = build_problem(
                session,
                plan.site,
                plan.day_on,
                policy=run.policy,
                interval_minutes=run.interval_minutes,
                today=today,
                horizon=store.horizon_of(run),
                take_under_way=False,
            )
    except InvalidInputError as error:
        return Freshness(digest="", changes=(Change("day", plan.site.name, str(error)),), now=None)
    names = _merged(names, load_names(session, now.problem))
    answer = store.load_plan(session, plan).answer
    begun = find_begun(session, answer)
    was = replace(was, agents=under_way.give_back(was.agents, (run.inputs or {}).get("under_way", {})))
    changes = list(compare_inputs(_without(was, begun), _without(now.problem, begun), names, answer=answer))
    if moved_hours:
        changes.insert(0, Change("day", plan.site.name, "The hours in which anybody works have changed."))
    return Freshness(digest=now.digest, changes=tuple(changes), now=now)


def _without(problem: asked.Problem, begun: Collection[str]) -> asked.Problem:
    return replace(
        problem,
        engagements=tuple(each for each in problem.engagements if each.id not in begun),
        pins=tuple(pin for pin in problem.pins if pin.engagement not in begun),
        previous=tuple(each for each in problem.previous if each.engagement not in begun),
    )


def find_begun(session: Session, answer: answered.Plan) -> set[str]:
    """
    Return what a plan gives to somebody and is under way or done by now: it went as planned, and changes nothing.

    What another agent is at than the plan says did not go as planned.
    """
    planned = {int(chosen.engagement): int(chosen.agent) for chosen in answer.assignments}
    rows = session.execute(
        select(Engagement.id, Engagement.state).where(
            Engagement.id.between(min(planned, default=0), max(planned, default=0)),
            Engagement.state.in_((EngagementState.IN_PROGRESS, EngagementState.DONE)),
        )
    )
    found = {key: state for key, state in rows if key in planned}
    agents = under_way.find_agents(
        session, [key for key, state in found.items() if state is EngagementState.IN_PROGRESS]
    )
    return {str(key) for key in found if agents.get(key, planned[key]) == planned[key]}


def _merged(one: Names, other: Names) -> Names:
    return Names(
        agents=one.agents | other.agents,
        engagements=one.engagements | other.engagements,
        classes=one.classes | other.classes,
        skills=one.skills | other.skills,
    )


def compare_inputs(was: asked.Problem, now: asked.Problem, names: Names, *, answer: Any) -> Iterable[Change]:
    """
    Yield what differs between the inputs of two problems over the same intervals.

    Parameters
    ----------
    was, now
        The problem that was solved and that of the present.
    names
        What ids are called.
    answer
        The plan: a new pin is a change only where the plan does not obey it already.
    """
    # Once the last work of a kind is done, nobody's level in it matters; that is no change of anybody's.
    both = _asked_skills(was) & _asked_skills(now)
    yield from _agents(
        {each.id: _with_skills(each, both) for each in was.agents},
        {each.id: _with_skills(each, both) for each in now.agents},
        names,
    )
    yield from _engagements(
        {each.id: each for each in was.engagements}, {each.id: each for each in now.engagements}, names
    )
    yield from _forecast(
        {each.class_: each for each in by_type(was).forecast},
        {each.class_: each for each in by_type(now).forecast},
        names,
    )
    for pin in now.pins:
        chosen = answer.find_assignment(pin.engagement)
        if chosen is None or (chosen.agent, chosen.start) != (pin.agent, pin.start):
            yield Change(
                "pin", names.engagement(pin.engagement), f"is pinned to {names.agent(pin.agent)}, unlike in this plan."
            )


def _asked_skills(problem: asked.Problem) -> set[str]:
    needs = [need for work in problem.engagements for need in work.requires]
    needs += [need for demand in problem.forecast for need in demand.requires]
    return {need.skill for need in needs}


def _with_skills(agent: asked.Agent, skills: Collection[str]) -> asked.Agent:
    return replace(
        agent,
        skills={skill: level for skill, level in agent.skills.items() if skill in skills},
        wants=tuple(skill for skill in agent.wants if skill in skills),
        lapses_on={skill: on for skill, on in agent.lapses_on.items() if skill in skills},
    )


def _agents(was: Mapping[str, asked.Agent], now: Mapping[str, asked.Agent], names: Names) -> Iterable[Change]:
    for key in sorted(was.keys() | now.keys(), key=names.agent):
        before, after = was.get(key), now.get(key)
        if before is None:
            yield Change("agent", names.agent(key), "joined the site.")
        elif after is None:
            yield Change("agent", names.agent(key), "is no agent of this site any more.")
        else:
            if before.capacity != after.capacity:
                text = f"has {_minutes(sum(after.capacity))} to plan, was {_minutes(sum(before.capacity))}."
                if round(sum(after.capacity)) == round(sum(before.capacity)):
                    text = "works at other times."
                yield Change("agent", names.agent(key), text)
            if before.skills != after.skills:
                yield Change("agent", names.agent(key), f"has other levels: {_levels(before, after, names)}.")
            if before.wants != after.wants or before.lapses_on != after.lapses_on:
                yield Change(
                    "agent", names.agent(key), "wants other skills, or has evidence that lapses on other days."
                )
            if before.stretch_slots != after.stretch_slots:
                yield Change("agent", names.agent(key), _slots(after, names))
            if before.concurrency != after.concurrency:
                yield Change("agent", names.agent(key), "may handle another number of contacts at once.")


def _slots(after: asked.Agent, names: Names) -> str:
    if not after.stretch_slots:
        return "chose no times for stretch work any more."
    return f"chose other times for stretch work: {_listed_skills(after, names)}."


def _listed_skills(after: asked.Agent, names: Names) -> str:
    return ", ".join(dict.fromkeys(names.skill(slot.skill) for slot in after.stretch_slots))


def _levels(before: asked.Agent, after: asked.Agent, names: Names) -> str:
    changed = sorted(
        (
            skill
            for skill in before.skills.keys() | after.skills.keys()
            if before.skills.get(skill, 0) != after.skills.get(skill, 0)
        ),
        key=names.skill,
    )
    return ", ".join(
        f"{names.skill(skill)} {after.skills.get(skill, 0)} (was {before.skills.get(skill, 0)})" for skill in changed
    )


def _engagements(
    was: Mapping[str, asked.Engagement], now: Mapping[str, asked.Engagement], names: Names
) -> Iterable[Change]:
    for key in sorted(was.keys() | now.keys(), key=names.engagement):
        before, after = was.get(key), now.get(key)
        if before is None:
            yield Change("engagement", names.engagement(key), "is new and not in this plan.")
        elif after is None:
            yield Change("engagement", names.engagement(key), "is done, cancelled or planned on another day.")
        else:
            changed = [
                called
                for field, called in _ENGAGEMENT_FIELDS.items()
                if getattr(before, field) != getattr(after, field)
            ]
            if changed:
                yield Change("engagement", names.engagement(key), f"has changed: {', '.join(changed)}.")
            elif before != after:
                yield Change("engagement", names.engagement(key), "has changed: channel or stance.")


def _forecast(was: Mapping[str, asked.Forecast], now: Mapping[str, asked.Forecast], names: Names) -> Iterable[Change]:
    for key in sorted(was.keys() | now.keys(), key=names.class_):
        before, after = was.get(key), now.get(key)
        if before != after:
            minutes = [_minutes(sum(each.minutes)) if each is not None else "nothing" for each in (after, before)]
            yield Change("forecast", names.class_(key), f"is forecast with {minutes[0]}, was {minutes[1]}.")


def _minutes(minutes: float) -> str:
    return f"{round(minutes)} min"
