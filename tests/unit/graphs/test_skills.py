"""The skill graph: prerequisites never run in a circle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.graphs.skills import (
    SkillCycleError,
    all_ahead,
    all_prerequisites,
    find_cycle,
    find_path,
    refuse_cycle,
)

# Refunds need billing, billing needs products; chat needs writing.
EDGES = [("refunds", "billing"), ("billing", "products"), ("chat", "writing")]


def test_a_graph_without_a_circle_has_none():
    assert find_cycle(EDGES) == []


def test_a_circle_is_named_in_its_order():
    cycle = find_cycle([*EDGES, ("products", "refunds")])

    start = cycle.index("refunds")
    assert cycle[start:] + cycle[:start] == ["refunds", "billing", "products"]


def test_the_chain_from_a_skill_to_what_it_needs_is_found():
    assert find_path(EDGES, "refunds", "products") == ["refunds", "billing", "products"]


def test_there_is_no_chain_against_the_direction_or_between_strangers():
    assert find_path(EDGES, "products", "refunds") == []
    assert find_path(EDGES, "refunds", "chat") == []
    assert find_path(EDGES, "refunds", "unknown") == []


def test_a_skill_reaches_itself():
    assert find_path([], "refunds", "refunds") == ["refunds"]


def test_prerequisites_come_in_the_order_of_learning():
    assert all_prerequisites(EDGES, "refunds") == ["products", "billing"]
    assert all_prerequisites(EDGES, "products") == []
    assert all_prerequisites(EDGES, "unknown") == []


def test_all_that_contain_a_skill_are_found_the_nearest_first():
    assert all_ahead([("refunds", "billing"), ("billing", "money"), ("refunds", "money")], "refunds") == [
        "billing",
        "money",
    ]


def test_a_link_that_closes_a_circle_is_refused_by_its_names():
    with pytest.raises(SkillCycleError) as refused:
        refuse_cycle([("B", "C"), ("C", "A"), ("B", "D"), ("D", "C")], "A", "B", verb="needs")

    assert str(refused.value) == "A needs B needs C needs A"
    assert refused.value.skills == ("A", "B", "C")


def test_a_skill_that_needs_itself_is_refused():
    with pytest.raises(SkillCycleError, match=r"^A needs A$"):
        refuse_cycle([], "A", "A", verb="needs")


def test_a_link_that_closes_none_is_not_refused():
    refuse_cycle(EDGES, "refunds", "products", verb="needs")


edges = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda e: e[0] != e[1]), max_size=14)


@given(edges)
def test_links_that_are_refused_when_they_close_a_chain_leave_no_circle(wanted):
    kept: list[tuple[int, int]] = []
    for skill, other in wanted:
        try:
            refuse_cycle(kept, skill, other, verb="needs")
        except SkillCycleError:
            continue
        kept.append((skill, other))

    assert find_cycle(kept) == []


@given(edges)
def test_a_circle_that_is_found_is_one(wanted):
    cycle = find_cycle(wanted)

    assert all(pair in wanted for pair in zip(cycle, cycle[1:] + cycle[:1], strict=True))
