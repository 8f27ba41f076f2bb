"""A forecast of contacts becomes full-time equivalents: agents by Erlang, then shrinkage and contract."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.reading import ProblemError
from optimizer.staffing import ContactForecast, abandonment, agents_needed, required_fte, required_fte_by_group
from optimizer.staffing.requirement import agents_by_interval

CALLS = ContactForecast(
    arrivals=(20.0, 0.0, 20.0),
    interval_minutes=30.0,
    handle_minutes=3.0,
    service_level=0.8,
    within_minutes=1 / 3,
    shrinkage=0.25,
    contract_minutes=60.0,
)


def test_agents_of_all_intervals_over_productive_minutes_of_a_contract():
    """
    20 calls of 3 minutes in 30 are 2 Erlang; 80 % within 20 seconds takes 4 agents.

    With 3 agents C = 4/9 and the level is 1 − 4/9·e^(−1/9) = 0.60; with 4, C = 4/23 and it is 1 − 4/23·e^(−2/9) = 0.86.
    (4 + 0 + 4) agents × 30 minutes ÷ (60 × 0.75) = 240 / 45 = 5.33 FTE.
    """
    assert agents_by_interval(CALLS) == (4, 0, 4)
    assert required_fte(CALLS) == pytest.approx(240 / 45)


def test_groups_are_staffed_each_by_itself():
    groups = required_fte_by_group({"billing": CALLS, "spanish": replace(CALLS, arrivals=(0.0, 0.0, 0.0))})

    assert groups == {"billing": pytest.approx(240 / 45), "spanish": 0.0}


def test_where_customers_give_up_agents_are_added_until_few_enough_do():
    patient = replace(CALLS, patience_minutes=2.0, most_abandoned=0.05)

    (agents, _, _) = agents_by_interval(patient)

    lost = [abandonment(count, 2.0, handle_minutes=3.0, patience_minutes=2.0) for count in (agents - 1, agents)]
    assert lost[0] > 0.05 >= lost[1]


def test_more_shrinkage_takes_more_people_and_the_same_agents():
    more = replace(CALLS, shrinkage=0.5)

    assert agents_by_interval(more) == agents_by_interval(CALLS)
    assert required_fte(more) == pytest.approx(1.5 * required_fte(CALLS))


def test_agents_are_those_of_erlang_c():
    wanted = agents_needed(2.0, handle_minutes=3.0, target=0.8, within_minutes=1 / 3)

    assert agents_by_interval(CALLS)[0] == wanted


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"arrivals": (1.0, -1.0)}, "$.arrivals[1]"),
        ({"handle_minutes": 0.0}, "$.handle_minutes"),
        ({"shrinkage": 1.0}, "$.shrinkage"),
        ({"service_level": "80 %"}, "$.service_level"),
        ({"patience_minutes": 2.0}, "$.most_abandoned"),
        ({"within_minutes": float("nan")}, "$.within_minutes"),
    ],
)
def test_a_forecast_that_cannot_be_names_its_field(change, path):
    with pytest.raises(ProblemError) as refused:
        replace(CALLS, **change)

    assert refused.value.path == path
