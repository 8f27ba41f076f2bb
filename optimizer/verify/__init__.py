"""
The independent checker: every rule that a plan must obey, stated a second time on purpose.

Written from the definitions in ``docs/optimizer.md`` in plain loops over one assignment and one agent at a time. It
shares no code with the model, so that a mistake there is not repeated here; whoever mends a rule mends it twice.
Cost: O(assignments × intervals per engagement + agents × intervals).
"""

from collections.abc import Iterator

from optimizer.plan import Plan, Status
from optimizer.problem import Problem
from optimizer.verify.agents import check_agent
from optimizer.verify.assignments import check_assignment
from optimizer.verify.case import Case, Violation
from optimizer.verify.points import check_points
from optimizer.verify.whole import check_asks, check_listed_once, check_references, check_reservations, check_shares

__all__ = ["Violation", "verify"]


def verify(problem: Problem, plan: Plan) -> tuple[Violation, ...]:
    """Return every rule that a plan breaks; none for a valid plan.

    A plan without an objective has to be empty, and its status has to say why.
    """
    if not plan.has_plan:
        return tuple(_check_empty(plan))
    found = tuple(check_references(problem, plan))
    # What refers to something unknown cannot be weighed any further.
    return found or tuple(_check(Case.of(problem, plan)))


def _check_empty(plan: Plan) -> Iterator[Violation]:
    if plan.assignments or plan.reserved or plan.growth:
        yield Violation("status", "There is no objective, yet work is assigned or minutes are reserved.")
    if plan.status in {Status.OPTIMAL, Status.FEASIBLE}:
        yield Violation("status", f"Status {plan.status} without an objective.")


def _check(case: Case) -> Iterator[Violation]:
    """Yield every violation of a plan whose references are sound."""
    yield from check_listed_once(case)
    for chosen in case.plan.assignments:
        yield from check_assignment(case, chosen)
    yield from check_reservations(case)
    for agent in case.problem.agents:
        yield from check_agent(case, agent)
    yield from check_shares(case)
    yield from check_asks(case)
    yield from check_points(case)
