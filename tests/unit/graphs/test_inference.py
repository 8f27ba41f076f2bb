"""Inferred levels: by hand, against every chain there is, and the laws that a suggestion keeps."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.graphs.inference import Carries, Transfer, infer_levels

REFUNDS, BILLING, MONEY, CHAT, MAIL = 1, 2, 3, 4, 5


def contains(skill, broader):
    return Transfer(skill, broader, 1.0, Carries.CONTAINED)


def resembles(skill, other, share):
    return Transfer(skill, other, share, Carries.RELATED)


def levels_of(found):
    return {each.skill: each.level for each in found}


def test_a_narrower_skill_implies_all_that_contain_it():
    found = infer_levels({REFUNDS: 4}, [contains(REFUNDS, BILLING), contains(BILLING, MONEY)])

    assert levels_of(found) == {BILLING: 4, MONEY: 4}
    assert [step.target for step in found[1].chain] == [BILLING, MONEY]


def test_a_related_skill_carries_over_by_its_weight_rounded_down():
    """4 · 0.7 = 2.8."""
    [found] = infer_levels({CHAT: 4}, [resembles(CHAT, MAIL, 0.7)])

    assert (found.level, found.source, found.source_level) == (2, CHAT, 4)
    assert found.strength == pytest.approx(0.7)


def test_shares_multiply_along_a_chain_and_only_the_end_is_rounded():
    """5 · 0.9 · 0.9 = 4.05; rounding on the way would give 3."""
    found = infer_levels({CHAT: 5}, [resembles(CHAT, MAIL, 0.9), resembles(MAIL, MONEY, 0.9)])

    assert levels_of(found) == {MAIL: 4, MONEY: 4}


def test_of_several_chains_the_strongest_counts():
    """5 · 0.5 = 2.5 from chat, 3 · 1 = 3 from refunds."""
    found = infer_levels({CHAT: 5, REFUNDS: 3}, [resembles(CHAT, BILLING, 0.5), contains(REFUNDS, BILLING)])

    assert levels_of(found) == {BILLING: 3}
    assert found[0].source == REFUNDS


def test_what_is_held_as_high_already_is_no_news():
    links = [contains(REFUNDS, BILLING), resembles(CHAT, BILLING, 0.2)]

    assert infer_levels({REFUNDS: 3, BILLING: 3}, links) == []
    assert infer_levels({CHAT: 4}, links) == []
    assert infer_levels({CHAT: 0}, links) == []


def test_products_that_are_whole_are_not_rounded_away():
    """A share that is a hair under 0.6 by its arithmetic still makes 3 of 5."""
    [_, found] = infer_levels({CHAT: 5}, [resembles(CHAT, MAIL, 0.8), resembles(MAIL, MONEY, 0.25)])

    assert 5 * 0.8 * 0.25 == 1.0
    assert (found.skill, found.level) == (MONEY, 1)
    [found] = infer_levels({CHAT: 5}, [resembles(CHAT, MAIL, 0.6 - 1e-12)])
    assert found.level == 3


@pytest.mark.parametrize("share", [0.0, 1.01, -1.0])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(ValueError, match="not above 0"):
        resembles(CHAT, MAIL, share)


transfers = st.lists(
    st.builds(
        Transfer,
        st.integers(0, 5),
        st.integers(0, 5),
        st.sampled_from([0.25, 0.5, 0.6, 0.8, 1.0]),
        st.sampled_from(Carries),
    ),
    max_size=12,
)
held = st.dictionaries(st.integers(0, 5), st.integers(0, 5))


def every_chain(levels, links):
    """Return the highest level by skill over all chains that visit no skill twice."""
    best: dict[int, float] = {}

    def walk(skill, worth, seen):
        best[skill] = max(best.get(skill, 0.0), worth)
        for link in links:
            if link.source == skill and link.target not in seen:
                walk(link.target, worth * link.share, seen | {link.target})

    for skill, level in levels.items():
        walk(skill, float(level), {skill})
    return {skill: math.floor(worth + 1e-9) for skill, worth in best.items()}


@given(held, transfers)
def test_levels_are_those_of_the_best_of_all_chains(levels, links):
    best = every_chain(levels, links)

    assert levels_of(infer_levels(levels, links)) == {
        skill: level for skill, level in best.items() if level > levels.get(skill, 0)
    }


@given(held, transfers)
def test_no_level_is_above_its_source(levels, links):
    for found in infer_levels(levels, links):
        assert levels.get(found.skill, 0) < found.level <= found.source_level == levels[found.source]
        assert found.chain[-1].target == found.skill
        assert found.level == math.floor(found.source_level * math.prod(each.share for each in found.chain) + 1e-9)


@given(held, transfers, st.integers(0, 5))
def test_who_holds_more_is_never_thought_to_hold_less(levels, links, skill):
    more = {**levels, skill: min(5, levels.get(skill, 0) + 1)}

    before = {**levels, **levels_of(infer_levels(levels, links))}
    after = {**more, **levels_of(infer_levels(more, links))}

    assert all(after.get(each, 0) >= level for each, level in before.items())
