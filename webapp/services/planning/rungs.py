"""
The relaxation ladder for one piece of work that a plan leaves out: which rung would serve it, and what it costs.

Each rung is tried by itself on the plan as it is, without a new solve: what another rung or a wider change could do is
left to a run.  Rungs for which Mainstay holds no data are named as such and not guessed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import problem as asked
from optimizer.moves import MoveCheck, check_move
from optimizer.policy import LADDER_STEPS, LadderStep
from webapp.models import Person, Plan
from webapp.services.planning import store
from webapp.services.planning.offers import present_plan
from webapp.services.planning.replan import RUNG_PRICES

_WORDS = {
    "drop_preferred": "Drop the lowest preferred skill",
    "lower_level": "One level lower",
    "other_site": "Another site",
    "hand_over": "Hand the case over",
    "drop_shadow": "Without a second person",
    "overtime": "Overtime",
    "later": "Later than its latest start",
}
_WITHOUT_DATA = {
    "drop_preferred": "Preferred skills never keep work from anybody here.",
    "other_site": "A plan knows the agents of its own site only.",
    "drop_shadow": "No engagement type asks for a second person yet.",
    "overtime": "The roster holds no overtime that could be bought.",
}
_TRIED_STARTS = 6


@dataclass(frozen=True, slots=True)
class Rung:
    """
    One rung of the ladder for one engagement.

    Parameters
    ----------
    step, words
        Its code and what it is called.
    price
        Points that it costs by itself; None if nothing is known.
    allowed
        Whether the plan's policy lists it.
    serves
        Whether it would serve the work by itself.
    person, starts_at
        Who would do it, and when.
    value_change
        Points of the plan's first tier with it, its price taken off.
    note
        Why it does not serve it, or what gives way.
    """

    step: str
    words: str
    price: float | None
    allowed: bool
    serves: bool
    note: str
    person: Person | None = None
    starts_at: dt.datetime | None = None
    value_change: float | None = None


def list_rungs(session: Session, plan: Plan, engagement_id: int, *, today: dt.date, at: dt.datetime) -> list[Rung]:
    """Return the rungs of the ladder for an engagement that a plan leaves out, in the ladder's order."""
    loaded = present_plan(session, plan, today=today)
    engagement = next((each for each in loaded.problem.engagements if each.id == str(engagement_id)), None)
    if engagement is None:
        return []
    people = {str(each.id): each for each in session.scalars(select(Person).where(Person.site_id == plan.site_id))}
    prices = dict(RUNG_PRICES)
    rungs = []
    for step in LADDER_STEPS:
        listed = loaded.problem.policy.price_of(step)
        price = listed if listed is not None else prices.get(step)
        if step in _WITHOUT_DATA or price is None:
            note = _WITHOUT_DATA.get(step, "")
            rungs.append(Rung(step, _WORDS[step], listed, listed is not None, serves=False, note=note))
            continue
        found = _try(loaded, engagement, step, price, at=at)
        rungs.append(_rung(loaded, step, price, found, people, allowed=listed is not None))
    return rungs


def _try(
    loaded: store.LoadedPlan, engagement: asked.Engagement, step: str, price: float, *, at: dt.datetime
) -> MoveCheck | None:
    """Return the best move that the rung makes possible, or None."""
    policy = replace(loaded.problem.policy, ladder=(LadderStep(step, price),))
    problem = replace(loaded.problem, policy=policy)
    first = max(engagement.earliest, loaded.horizon.index_from(at))
    last = loaded.horizon.intervals - 1 if step == "later" else min(engagement.latest, loaded.horizon.intervals - 1)
    checks = list(_checks(problem, loaded, engagement, range(first, last + 1), below=int(step == "lower_level")))
    return max(checks, key=lambda check: check.value_after, default=None)


def _checks(
    problem: asked.Problem, loaded: store.LoadedPlan, engagement: asked.Engagement, starts: range, *, below: int
) -> Iterator[MoveCheck]:
    for agent in problem.agents:
        missing = [need.level - agent.skills.get(need.skill, 0) for need in engagement.requires if not need.preferred]
        if agent.id in engagement.excluded_agents or sum(max(0, each) for each in missing) > below:
            continue
        for start in [start for start in starts if agent.capacity[start] > 0][:_TRIED_STARTS]:
            check = check_move(problem, loaded.answer, engagement.id, agent.id, start)
            if check.is_allowed:
                yield check


def _rung(
    loaded: store.LoadedPlan,
    step: str,
    price: float,
    check: MoveCheck | None,
    people: dict[str, Person],
    *,
    allowed: bool,
) -> Rung:
    if check is None:
        note = "It would not serve it by itself."
        return Rung(step, _WORDS[step], price, allowed, serves=False, note=note)
    minutes = sum(each.minutes for each in check.released)
    gives = [f"pushes out {len(check.displaced)} other"] if check.displaced else []
    gives += [f"takes {minutes:.0f} minutes kept for live contacts"] if minutes >= 1 else []
    return Rung(
        step,
        _WORDS[step],
        price,
        allowed,
        serves=True,
        note=f"It {' and '.join(gives)}." if gives else "Nothing else gives way.",
        person=people.get(check.agent),
        starts_at=loaded.horizon.start_of(check.start),
        value_change=round(check.value_after - check.value_before, 1),
    )
