"""What statuses and terms of the optimizer are called on pages and in the console, in honest words."""

from __future__ import annotations

from optimizer.verify import Violation
from webapp.services.planning.names import Names

STATUS_WORDS = {
    "optimal": "Proven best within the gap",
    "feasible": "A valid plan; time ran out before it was proven best",
    "time_limit_no_plan": "Time ran out before any plan was found",
    "infeasible": "No plan can obey all pins and rules",
    "cancelled": "Stopped; the best plan so far is kept",
    "solver_error": "The run failed",
}

TERM_WORDS = {
    "debt": "Growth still due",
    "service": "Service",
    "match": "Match of skills",
    "continuity": "Known agent",
    "given": "Given values",
    "relaxation": "Relaxed rules",
    "growth": "Growth",
    "practice": "Practice",
    "stability": "Left unchanged",
    "cost": "Cost",
    "balance": "Balance",
}


def status_words(status: str | None) -> str:
    """Return a run's status as a sentence without its stop."""
    return "Not finished" if status is None else STATUS_WORDS.get(status, status)


def violation_words(violation: Violation, names: Names) -> str:
    """Return a broken rule as a sentence with the names of whom and what it is about."""
    about = [names.agent(violation.agent)] if violation.agent is not None else []
    if violation.engagement is not None:
        about.insert(0, names.engagement(violation.engagement))
    return f"{', '.join(about)}: {violation.message}" if about else violation.message


def term_words(term: str) -> str:
    """Return the name of a term of the objective."""
    return TERM_WORDS.get(term, term)
