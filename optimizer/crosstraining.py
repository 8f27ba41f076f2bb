r"""
Cross-training value: which skill, taught to whom, would pay most.

The value of a lesson is what the LP of the first tier gains when the agent has the skill. To solve it again for every
agent and skill would take hours, so lessons are **screened** first: for any duals :math:`\lambda` of the problem as it
is, the Lagrangian bound of the problem with the lesson bounds the gain from above by weak duality (Geoffrion 1974),

.. math:: v' - v \le U'(\lambda) - v .

Lessons are then solved from the best bound down until the next bound is no better than the best gains found, as in
best-first branch and bound: the best are then proven to be the best. Duals are those of an LP, never of a MIP.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import inf

from optimizer.assignment.lessons import Placed, Screen, SolvedProblem
from optimizer.assignment.relaxation import InfeasibleError
from optimizer.control import Control
from optimizer.plan import Plan
from optimizer.problem import Engagement, Forecast, Problem

__all__ = ["Lesson", "LessonGain", "TrainingValue", "cross_training_value", "list_lessons", "teach"]

_ACCURACY = 1e-7
"""Share of the objective by which two values may differ and count as equal: the accuracy of the LP."""


@dataclass(frozen=True, slots=True, order=True)
class Lesson:
    """An agent who would have a skill at a level."""

    agent: str
    skill: str
    level: int


@dataclass(frozen=True, slots=True)
class LessonGain:
    """What a lesson would gain in the first tier, in points over the horizon.

    Attributes
    ----------
    least, most
        Certified range of the gain. Equal up to the LP's accuracy where `solved`; else `least` is 0, or −∞ in a problem
        with pairs: who has learnt a skill can no longer be the learner of a pair. Both −∞ says that no plan is left.
    solved
        Whether the LP was solved with the lesson; if not, `most` is the screening bound.
    """

    lesson: Lesson
    least: float
    most: float
    solved: bool


@dataclass(frozen=True, slots=True)
class TrainingValue:
    """Lessons with their gains.

    Attributes
    ----------
    gains
        All lessons: those that were solved by gain, then the others by bound.
    base
        Value of the LP without any lesson, in points.
    solves
        Number of LPs that were solved with a lesson.
    certified
        Whether the first `top` of `gains` are proven to be the best; False if the clock, a cancel or `most_solves`
        came first. Lessons that were not solved although this is True gain no more than the last of the best, or
        nothing at all.
    """

    gains: tuple[LessonGain, ...]
    base: float
    solves: int
    certified: bool

    @property
    def best(self) -> LessonGain | None:
        """The best lesson that was solved; None if there is none, or none could gain anything."""
        return next((gain for gain in self.gains if gain.solved), None)


def teach(problem: Problem, *lessons: Lesson) -> Problem:
    """Return the problem in which agents have learnt skills.

    Raises
    ------
    ValueError
        If there is no such agent, or they have the level already.
    """
    skills = {agent.id: dict(agent.skills) for agent in problem.agents}
    for lesson in lessons:
        if lesson.agent not in skills:
            raise ValueError(f"there is no agent {lesson.agent!r}")
        if skills[lesson.agent].get(lesson.skill, 0) >= lesson.level:
            raise ValueError(f"agent {lesson.agent!r} has {lesson.skill!r} at level {lesson.level} already")
        skills[lesson.agent][lesson.skill] = lesson.level
    agents = tuple(
        agent if agent.skills == skills[agent.id] else replace(agent, skills=skills[agent.id])
        for agent in problem.agents
    )
    return replace(problem, agents=agents)


def list_lessons(problem: Problem) -> tuple[Lesson, ...]:
    """Return for each agent and each skill that work asks for the lowest such level that the agent lacks."""
    asked: dict[str, set[int]] = {}
    works: tuple[Engagement | Forecast, ...] = (*problem.engagements, *problem.forecast)
    for need in (need for work in works for need in work.requires):
        asked.setdefault(need.skill, set()).add(need.level)
    lessons = []
    for agent in problem.agents:
        for skill, levels in sorted(asked.items()):
            missing = [level for level in levels if level > agent.skills.get(skill, 0)]
            if missing:
                lessons.append(Lesson(agent.id, skill, min(missing)))
    return tuple(lessons)


def cross_training_value(
    problem: Problem,
    lessons: Iterable[Lesson] | None = None,
    *,
    plan: Plan | None = None,
    top: int = 1,
    most_solves: int | None = None,
    control: Control | None = None,
) -> TrainingValue:
    """Return what lessons would gain, and prove which are the best.

    Parameters
    ----------
    lessons
        The lessons to compare; None takes those of `list_lessons`.
    plan
        A plan of the problem, whose assignments the first LP starts from. It changes the time taken and nothing else.
    top
        How many of the best to prove, at least 1.
    most_solves
        Most LPs to solve with a lesson; None is no limit.
    control
        Deadline and cancel; what is known until then is returned.

    Raises
    ------
    ValueError
        If `top` is below 1, or a lesson teaches what its agent knows.
    InfeasibleError
        If no plan obeys the problem's pins and rules.
    """
    if top < 1:
        raise ValueError(f"top must be at least 1, not {top}")
    control = control or Control()
    listed = list_lessons(problem) if lessons is None else tuple(dict.fromkeys(lessons))
    base = SolvedProblem.of(problem, control, _starts(problem, plan))
    if base is None:
        return TrainingValue((), 0.0, 0, certified=False)
    queue = _screen(problem, listed, base, control)
    if queue is None:
        return TrainingValue((), base.value, 0, certified=False)
    tolerance = _ACCURACY * max(1.0, abs(base.value))
    start = base.active()
    solved: list[LessonGain] = []
    certified = False
    while True:
        if not queue or queue[0].most <= max(_rank(solved, top), 0.0) + tolerance:
            certified = all(gain.most <= gain.least + 2 * tolerance for gain in solved)
            break
        if control.stopped_by() is not None or len(solved) == most_solves:
            break
        gain = _solve(problem, queue[0], base, control, start)
        if gain is None:
            break
        queue.pop(0)
        solved.append(gain)
    solved.sort(key=lambda gain: (-gain.most, gain.lesson))
    return TrainingValue((*solved, *queue), base.value, len(solved), certified)


def _starts(problem: Problem, plan: Plan | None) -> set[Placed]:
    engagements = {each.id: index for index, each in enumerate(problem.engagements)}
    agents = {each.id: index for index, each in enumerate(problem.agents)}
    chosen = () if plan is None else plan.assignments
    return {(engagements[each.engagement], agents[each.agent], each.start) for each in chosen}


def _screen(
    problem: Problem, lessons: tuple[Lesson, ...], base: SolvedProblem, control: Control
) -> list[LessonGain] | None:
    """Return the bound of each lesson, best first, or None if the clock came first."""
    screen = Screen(base)
    index = {agent.id: position for position, agent in enumerate(problem.agents)}
    alike: dict[tuple[str, int], list[Lesson]] = {}
    for lesson in lessons:
        alike.setdefault((lesson.skill, lesson.level), []).append(lesson)
    # What an interrupted LP has not reached might be a lesson's gain for all that is known, so the bound includes it.
    unreached = screen.bound - base.value
    least = -inf if any(each.shadow for each in problem.engagements) else 0.0
    bounds = []
    for (skill, _), group in sorted(alike.items()):
        if control.stopped_by() is not None:
            return None
        taught = teach(problem, *group)
        gains = screen.gains(taught, [index[lesson.agent] for lesson in group], skill)
        bounds += [
            LessonGain(lesson, least, max(float(gain) + unreached, least), solved=False)
            for lesson, gain in zip(group, gains, strict=True)
        ]
    return sorted(bounds, key=lambda gain: (-gain.most, gain.lesson))


def _solve(
    problem: Problem, bound: LessonGain, base: SolvedProblem, control: Control, start: set[Placed]
) -> LessonGain | None:
    """Return a lesson's gain from an LP of its own, or None if the clock came first."""
    try:
        taught = SolvedProblem.of(teach(problem, bound.lesson), control, start)
    except InfeasibleError:
        return LessonGain(bound.lesson, -inf, -inf, solved=True)
    if taught is None:
        return None
    least = max(taught.value - base.bound, bound.least)
    most = max(min(taught.bound - base.value, bound.most), least)
    return LessonGain(bound.lesson, least, most, solved=True)


def _rank(solved: list[LessonGain], top: int) -> float:
    """Return the gain that the last of the best has at least, −∞ where there are not that many."""
    gains = sorted((gain.least for gain in solved), reverse=True)
    return gains[top - 1] if len(gains) >= top else -inf
