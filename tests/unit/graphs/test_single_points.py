"""Single points of failure: by hand, against brute force over all absences, and under a clock."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from optimizer.graphs.cover import Cover, Work
from optimizer.graphs.single_points import find_single_points

MORNING, NOON = 0, 1


def work(name, minutes, people, *slots):
    return Work(name, minutes, frozenset(people), frozenset(slots or {MORNING}))


def shift(people, minutes=60, slots=(MORNING, NOON)):
    return {person: dict.fromkeys(slots, minutes) for person in people}


def groups(found):
    return {group.people for group in found.groups}


class TestByHand:
    def test_the_only_one_who_can_is_a_single_point(self):
        """Ana alone speaks Danish; calls have 180 − 60 = 120 minutes left without any one of the three."""
        found = find_single_points(shift("abc"), [work("danish", 10, "a"), work("calls", 60, "abc")])

        assert (found.size, groups(found)) == (1, {("a",)})
        assert [(each.works, each.missing) for each in found.groups[0].shortages] == [(("danish",), 10)]
        assert found.proven
        assert found.complete

    def test_two_have_to_be_away_where_two_can(self):
        found = find_single_points(shift("abc"), [work("danish", 10, "ab"), work("calls", 60, "abc", NOON)])

        assert (found.size, groups(found)) == (2, {("a", "b")})

    def test_minutes_break_before_skills_do(self):
        """Three people have 180 minutes for 150; two have 120."""
        found = find_single_points(shift("abc"), [work("calls", 150, "abc")])

        assert (found.size, groups(found)) == (1, {("a",), ("b",), ("c",)})
        assert found.groups[0].shortages[0].needed == 150
        assert found.groups[0].shortages[0].available == 120

    def test_works_that_each_have_enough_can_be_short_together(self):
        """Danish and Dutch need 50 each of a and b's 120: without b, a's 60 serve one of them."""
        found = find_single_points(shift("abc"), [work("danish", 50, "ab"), work("dutch", 50, "ab")])

        assert (found.size, groups(found)) == (1, {("a",), ("b",)})
        assert found.groups[0].shortages[0].works == ("danish", "dutch")

    def test_work_that_can_wait_moves_to_another_slot(self):
        """At noon nobody asks for anything, so the letters can wait until then, whoever is away in the morning."""
        kept = [work("calls", 60, "ab")]

        assert find_single_points(shift("ab"), [*kept, work("letters", 60, "ab", MORNING)]).size == 1
        assert find_single_points(shift("ab"), [*kept, work("letters", 60, "ab", MORNING, NOON)]).size == 2

    def test_what_is_short_already_is_told_apart(self):
        """Nobody speaks Finnish, and 70 Danish minutes are more than the 60 of a; nobody's absence breaks these."""
        asked = [work("finnish", 5, ""), work("danish", 70, "a"), work("calls", 60, "bc")]

        found = find_single_points(shift("abc"), asked)

        assert [(each.works, each.missing) for each in found.uncovered] == [(("danish",), 10), (("finnish",), 5)]
        assert groups(found) == {("b", "c")}

    def test_of_what_is_short_the_fewest_works_are_named(self):
        """Calls fit beside the shortage of Danish: they are no part of it, though a could have helped with them."""
        found = Cover(shift("ab"), [work("danish", 70, "a"), work("calls", 50, "ab")]).shortages()

        assert [each.works for each in found] == [("danish",)]

    def test_without_work_there_is_nothing_to_break(self):
        for asked in ([], [work("nothing", 0, "a")]):
            found = find_single_points(shift("ab"), asked)
            assert (found.size, found.groups, found.uncovered) == (0, (), ())
            assert found.complete

    def test_groups_beyond_the_limit_are_not_named(self):
        found = find_single_points(shift("abcd"), [work("calls", 120, "abcd")], most_groups=3)

        assert (found.size, len(found.groups), found.proven, found.complete) == (3, 3, True, False)

    def test_the_group_that_breaks_most_comes_first(self):
        asked = [work("danish", 10, "a"), work("dutch", 50, "b", NOON)]

        assert [group.people for group in find_single_points(shift("abc"), asked).groups] == [("b",), ("a",)]

    def test_people_who_are_alike_are_all_named_though_another_day_tells_them_apart(self):
        """In the morning a and b are alike and either breaks it; at noon a alone does."""
        asked = [work("calls", 100, "ab"), work("danish", 10, "a", NOON)]

        assert groups(find_single_points(shift("ab"), asked)) == {("a",), ("b",)}


class TestBadInput:
    @pytest.mark.parametrize(
        ("minutes", "works"),
        [
            ({"a": {0: -1}}, []),
            ({}, [work("x", 1, "a"), work("x", 2, "a")]),
            ({"a": {0: 2**31}}, []),
        ],
        ids=["minutes below 0", "two works of one name", "more than can be counted"],
    )
    def test_it_is_refused(self, minutes, works):
        with pytest.raises(ValueError, match=r"fewer than 0|share a name|more than"):
            find_single_points(minutes, works)

    def test_work_below_0_minutes_is_refused(self):
        with pytest.raises(ValueError, match="fewer than 0"):
            work("x", -1, "a")

    def test_no_group_at_all_is_no_limit(self):
        with pytest.raises(ValueError, match="at least 1"):
            find_single_points({}, [], most_groups=0)


def test_out_of_time_it_says_that_fewer_may_do():
    """Nested crews, of which rules of thumb find a good answer; without a second to spare nothing is proven."""
    crew = "abcdefgh"
    asked = [work(f"w{end}", 20, crew[:end]) for end in range(3, 9)]

    hurried = find_single_points(shift(crew, 60), asked, seconds=0.0)

    assert hurried.size >= find_single_points(shift(crew, 60), asked).size
    assert not hurried.proven
    assert not hurried.complete
    for group in hurried.groups:
        assert Cover(shift(crew, 60), asked).shortages(group.people)


@st.composite
def weeks(draw, most_people=12):
    """Up to twelve people, up to six works and up to three slots, tight enough that some are short."""
    names = [f"p{number:02d}" for number in range(draw(st.integers(1, most_people)))]
    slots = range(draw(st.integers(1, 3)))
    own = st.sampled_from([0, 0, 20, 30, 45, 60])
    minutes = {name: {slot: draw(own) for slot in slots} for name in names}
    crews = st.frozensets(st.sampled_from(names))
    works = [
        Work(
            f"w{number}",
            draw(st.integers(0, 90)),
            draw(crews),
            draw(st.frozensets(st.sampled_from(slots), min_size=1)),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    return minutes, works


def misses(minutes, works, names):
    """
    Return the minutes that each set of works misses without each set of people, by Hall's condition alone.

    Rows are sets of works, columns sets of people who are away, both as bits of their number.
    """
    own = np.zeros((2 ** len(works), len(names)), dtype=int)
    needed = np.zeros(2 ** len(works), dtype=int)
    for chosen in range(2 ** len(works)):
        inside = [each for bit, each in enumerate(works) if chosen >> bit & 1]
        needed[chosen] = sum(each.minutes for each in inside)
        for column, name in enumerate(names):
            open_slots = {slot for each in inside if name in each.people for slot in each.slots}
            own[chosen, column] = sum(minutes[name].get(slot, 0) for slot in open_slots)
    there = 1 - (np.arange(2 ** len(names))[None, :] >> np.arange(len(names))[:, None] & 1)
    return needed[:, None] - own @ there


def brute_force(minutes, works):
    """Return the works that are short already, and all smallest groups that break the rest."""
    names = sorted(minutes)
    works = [each for each in works if each.minutes]
    at_first = misses(minutes, works, names)[:, 0]
    worst = [chosen for chosen in range(2 ** len(works)) if at_first[chosen] == at_first.max()]
    short = int(np.bitwise_and.reduce(worst)) if at_first.max() > 0 else 0
    rest = [each for bit, each in enumerate(works) if not short >> bit & 1]
    broken = misses(minutes, rest, names).max(axis=0) > 0
    away = [{name for bit, name in enumerate(names) if chosen >> bit & 1} for chosen in np.flatnonzero(broken).tolist()]
    fewest = min(map(len, away), default=0)
    return {each.id for bit, each in enumerate(works) if short >> bit & 1}, {
        tuple(sorted(group)) for group in away if len(group) == fewest
    }


@settings(max_examples=200)
@given(weeks())
def test_the_smallest_groups_are_those_of_brute_force(week):
    """All sets of up to twelve people, checked by Hall's condition over all sets of works."""
    minutes, works = week

    found = find_single_points(minutes, works, most_groups=10_000)

    short, smallest = brute_force(minutes, works)
    assert {name for shortage in found.uncovered for name in shortage.works} == short
    assert groups(found) == smallest
    assert found.size == min(map(len, smallest), default=0)
    assert found.proven
    assert found.complete


@given(weeks(), st.integers(1, 4))
def test_a_limit_changes_how_many_are_named_and_nothing_else(week, limit):
    minutes, works = week

    found = find_single_points(minutes, works, most_groups=limit)

    _, smallest = brute_force(minutes, works)
    assert found.size == min(map(len, smallest), default=0)
    assert len(found.groups) == min(limit, len(smallest))
    assert groups(found) <= smallest
    assert found.complete == (len(smallest) <= limit)


@given(weeks())
def test_each_shortage_proves_itself(week):
    """Whoever adds up what is needed, and the minutes of those who are left and could help, sees the difference."""
    minutes, works = week
    by_name = {each.id: each for each in works}

    found = find_single_points(minutes, works)

    for people, shortages in [((), found.uncovered), *((each.people, each.shortages) for each in found.groups)]:
        assert shortages or not people
        for shortage in shortages:
            inside = [by_name[name] for name in shortage.works]
            places = {
                (name, slot)
                for each in inside
                for name, slot in itertools.product(each.people, each.slots)
                if name in minutes and name not in people
            }
            assert shortage.needed == sum(each.minutes for each in inside)
            assert shortage.available == sum(minutes[name].get(slot, 0) for name, slot in places)
            assert shortage.missing >= 1


@given(weeks(most_people=8))
@example(({"a": {0: 30}, "b": {0: 30}}, [work("x", 30, "ab")]))
def test_one_more_of_a_kind_never_makes_it_easier_to_break(week):
    """With somebody like the first person beside them, no fewer absences break what was covered before."""
    minutes, works = week
    first = min(minutes)
    doubled = [Work(w.id, w.minutes, w.people | ({"twin"} if first in w.people else set()), w.slots) for w in works]
    before = find_single_points(minutes, works)
    covered = {each.id for each in works} - {name for shortage in before.uncovered for name in shortage.works}

    after = find_single_points(
        {**minutes, "twin": dict(minutes[first])}, [each for each in doubled if each.id in covered]
    )

    assert after.size >= before.size
