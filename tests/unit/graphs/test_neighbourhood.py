"""The neighbourhood of a skill, laid out in layers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from optimizer.graphs.neighbourhood import Side, lay_out

REFUNDS, BILLING, PRODUCTS, DISPUTES, MONEY, CHAT = range(1, 7)
NAMES = {
    REFUNDS: "Refunds",
    BILLING: "Billing",
    PRODUCTS: "Products",
    DISPUTES: "Disputes",
    MONEY: "Money",
    CHAT: "Chat",
}


def places(found):
    return {each.skill: (each.side, each.layer, each.order) for each in found.placed}


def test_each_skill_stands_at_its_side():
    found = lay_out(
        BILLING,
        needs=[(REFUNDS, BILLING), (BILLING, PRODUCTS)],
        broader=[(BILLING, MONEY), (DISPUTES, BILLING)],
        related=[(CHAT, BILLING)],
        names=NAMES,
    )

    assert places(found) == {
        BILLING: (Side.MIDDLE, 0, 0),
        PRODUCTS: (Side.NEEDS, 1, 0),
        REFUNDS: (Side.LEADS_TO, 1, 0),
        MONEY: (Side.BROADER, 1, 0),
        DISPUTES: (Side.NARROWER, 1, 0),
        CHAT: (Side.RELATED, 1, 0),
    }
    assert found.more == {}


def test_what_is_needed_before_that_stands_one_layer_further_out():
    found = lay_out(REFUNDS, needs=[(REFUNDS, BILLING), (BILLING, PRODUCTS)], broader=[], related=[], names=NAMES)

    assert places(found)[PRODUCTS] == (Side.NEEDS, 2, 0)


def test_a_layer_follows_the_order_of_the_one_before_it_and_then_names():
    """Billing stands before chat, so what billing needs stands before what chat needs, though Money comes before Z."""
    names = {**NAMES, PRODUCTS: "Z"}

    found = lay_out(
        REFUNDS,
        needs=[(REFUNDS, CHAT), (REFUNDS, BILLING), (BILLING, PRODUCTS), (CHAT, MONEY)],
        broader=[],
        related=[],
        names=names,
    )

    assert places(found)[BILLING][2] < places(found)[CHAT][2]
    assert places(found)[PRODUCTS][2] < places(found)[MONEY][2]


def test_what_a_layer_has_no_room_for_is_counted():
    found = lay_out(
        BILLING,
        needs=[(REFUNDS, BILLING), (DISPUTES, BILLING), (CHAT, BILLING)],
        broader=[],
        related=[],
        names=NAMES,
        most=2,
    )

    assert set(places(found)) == {BILLING, CHAT, DISPUTES}
    assert found.more == {Side.LEADS_TO: 1}


def test_a_skill_alone_stands_in_the_middle():
    found = lay_out(CHAT, needs=[(REFUNDS, BILLING)], broader=[], related=[], names=NAMES)

    assert set(places(found)) == {CHAT}


pairs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] != pair[1]), max_size=14)


@given(pairs, pairs, pairs, st.randoms())
def test_a_picture_is_the_same_however_its_links_are_ordered(needs, broader, related, random):
    names = {skill: f"Skill {7 - skill}" for skill in range(8)}

    def shuffled(links):
        return random.sample(links, len(links))

    found = lay_out(0, needs=needs, broader=broader, related=related, names=names)
    again = lay_out(0, needs=shuffled(needs), broader=shuffled(broader), related=shuffled(related), names=names)

    assert found == again
    assert len({each.skill for each in found.placed}) == len(found.placed)
    assert len({(each.side, each.layer, each.order) for each in found.placed}) == len(found.placed)
