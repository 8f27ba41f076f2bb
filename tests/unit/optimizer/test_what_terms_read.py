"""No term of the objective reads what must not decide about a person."""

from __future__ import annotations

import ast
import inspect
from dataclasses import fields, replace

import pytest

from optimizer import solve
from optimizer.assignment import model, points
from optimizer.assignment.continuous import list_continuous
from optimizer.assignment.rows.growth import growth_rows
from optimizer.fit import Fit
from optimizer.problem import Agent
from optimizer.roster import Roster
from tests.factories.optimizer_problems import EXACT, a_problem, an_agent, an_engagement, placed

READ_BY_TERMS = {
    points.points_of_leads: {"cost_per_minute", "overtime"},
    points.points_of_shadows: {"cost_per_minute"},
    points._is_known: set(),
    points._give_values: set(),
    points._ladder_prices: set(),
    model._objective: {"id", "cost_per_minute"},
    growth_rows: set(),
    list_continuous: {"growth_due_minutes", "capacity"},
    Fit._match: {"skills"},
    vars(Roster)["lapsing"].func: {"lapses_on", "skills"},
}
"""Fields of an agent that each function behind the terms may read; ids and skills name, they do not weigh."""


@pytest.mark.parametrize("function", READ_BY_TERMS, ids=lambda function: function.__qualname__)
def test_a_term_reads_only_the_fields_it_declares(function):
    tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    read = names & {field.name for field in fields(Agent)}

    assert read - {"id", "skills"} <= READ_BY_TERMS[function]


def test_an_agent_has_no_field_for_what_must_not_decide():
    forbidden = ("age", "gender", "sex", "birth", "nation", "religion", "tone", "emotion", "handle", "measured", "pay")

    for field in fields(Agent):
        parts = field.name.split("_")
        assert not set(parts) & set(forbidden), field.name


def test_minutes_of_a_pair_change_the_load_and_not_what_customers_get():
    slow = an_engagement(minutes_by_agent={"a1": 20.0})
    policy = replace(EXACT, weights={"service": 1.0, "match": 1.0, "continuity": 1.0})

    usual = solve(a_problem([an_agent()], [an_engagement()], policy=policy))
    longer = solve(a_problem([an_agent()], [slow], policy=policy))

    assert longer.objective == pytest.approx(usual.objective)


@pytest.mark.parametrize("rate", [0.0, 1.0, 100.0])
def test_a_higher_rate_never_loses_an_agent_their_work(rate):
    """With ε at 0 the cost tier may choose between equals only; this agent is the only one who can."""
    policy = replace(EXACT, weights={"service": 1.0, "cost": 1.0}, growth_epsilon=0.0)

    plan = solve(a_problem([an_agent(cost_per_minute=rate)], [an_engagement()], policy=policy))

    assert placed(plan) == {"e1": ("a1", 0)}
