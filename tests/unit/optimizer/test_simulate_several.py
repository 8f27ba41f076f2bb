"""Agents with several contacts at once: nobody above their concurrency, and everybody who came is accounted for."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimizer.benchmarks.repricing import reprice_by_arrivals
from optimizer.benchmarks.routing import CentreShape, draw_day
from optimizer.days import join
from optimizer.plan import Prices
from optimizer.problem import Forecast, Requirement
from optimizer.routing import RULES, Contact, Desk, Router
from optimizer.simulate import Call, Repricing, simulate_day
from tests.factories.optimizer_problems import a_problem, an_agent

NEEDS = (Requirement("billing", 1),)
CHAT = Forecast("chat", "chat", NEEDS, (30.0, 30.0), 1.0)
VOICE = Forecast("voice", "voice", NEEDS, (30.0, 30.0), 2.0)
MINUTES = {"chat": 10.0, "voice": 5.0}


def a_centre(agents):
    problem = a_problem(agents, [], forecast=(CHAT, VOICE))
    return problem, Desk.of(problem, Prices(), MINUTES)


def a_chatter(name="a1", capacity=(30.0, 30.0), at_once=2.0):
    return replace(an_agent(name, capacity), concurrency={"chat": at_once})


def a_call(name, arrived_at, handle_seconds, class_="chat", patience_seconds=np.inf):
    return Call(Contact(name, class_, arrived_at), handle_seconds, patience_seconds)


def simulate(agents, calls, rule="longest-idle", **options):
    """Return the outcome, and when each contact was begun and ended."""
    times = {}

    def watch(decision, began, ended):
        times[decision.contact.id] = (began, ended, decision.agent)

    problem, desk = a_centre(agents)
    day = simulate_day(problem, Router(desk, RULES[rule]), calls, watch=watch, **options)
    return day, {name: each[:2] for name, each in times.items()}, times


def test_two_chats_at_once_and_the_third_waits():
    calls = [a_call("c1", 0.0, 600.0), a_call("c2", 100.0, 300.0), a_call("c3", 200.0, 60.0)]

    day, times, _ = simulate([a_chatter()], calls)

    # c2 ends at 400, when c3 begins; the agent is busy from 0 to 600.
    assert times == {"c1": (0.0, 600.0), "c2": (100.0, 400.0), "c3": (400.0, 460.0)}
    assert day.busy_seconds.tolist() == [600.0]
    assert day.wait_seconds == 200.0


def test_divided_attention_makes_contacts_longer():
    calls = [a_call("c1", 0.0, 600.0), a_call("c2", 100.0, 300.0)]

    _, times, _ = simulate([a_chatter()], calls, stretch=1.0)

    # From 100 on at half speed: c2 takes 600 seconds, up to 700; c1 has 600 - 100 - 300 = 200 left then.
    assert times == {"c1": (0.0, 900.0), "c2": (100.0, 700.0)}


def test_a_stretch_in_between_slows_less():
    calls = [a_call("c1", 0.0, 300.0), a_call("c2", 0.0, 300.0)]

    _, times, _ = simulate([a_chatter()], calls, stretch=0.5)

    assert times == {"c1": (0.0, 450.0), "c2": (0.0, 450.0)}


def test_a_call_wants_the_whole_agent():
    calls = [a_call("chat", 0.0, 600.0), a_call("call", 100.0, 60.0, "voice")]

    _, times, _ = simulate([a_chatter()], calls)

    assert times["call"] == (600.0, 660.0)


def test_who_comes_back_to_a_shift_ends_first_what_they_serve():
    # Off from 1800 to 3600, one interval; c1 and c2 run beyond it, c3 may begin only when both have ended.
    agents = [a_chatter(capacity=(30.0, 0.0, 30.0))]
    forecast = (replace(CHAT, minutes=(30.0,) * 3),)
    problem = a_problem(agents, [], forecast=forecast, intervals=3)
    times = {}
    calls = [a_call("c1", 0.0, 3700.0), a_call("c2", 0.0, 3900.0), a_call("c3", 3500.0, 60.0)]

    simulate_day(
        problem,
        Router(Desk.of(problem, Prices(), MINUTES), RULES["longest-idle"]),
        calls,
        watch=lambda decision, began, ended: times.update({decision.contact.id: (began, ended)}),
    )

    assert times["c3"] == (3900.0, 3960.0)


def test_tone_weighs_what_was_served():
    # Worth 10 and 10 points; a1 has a weight of tone for chat alone.
    calls = [a_call("c1", 0.0, 60.0), a_call("c2", 100.0, 60.0, "voice")]

    day, *_ = simulate([a_chatter()], calls, tone={"chat": {"a1": 0.5, "a2": 3.0}})
    plain, *_ = simulate([a_chatter()], calls)

    assert (day.value, day.tone_value) == (20.0, 15.0)
    assert plain.tone_value == plain.value


def test_attention_is_not_negative():
    with pytest.raises(ValueError, match="stretch"):
        simulate([a_chatter()], [], stretch=-0.1)


seconds = st.integers(0, 3600).map(float)


@st.composite
def days(draw):
    calls = [
        a_call(
            f"c{number}",
            draw(seconds),
            float(draw(st.integers(1, 1200))),
            draw(st.sampled_from(["chat", "voice"])),
            draw(st.one_of(st.just(np.inf), st.integers(0, 900).map(float))),
        )
        for number in range(draw(st.integers(0, 25)))
    ]
    agents = [
        a_chatter(
            f"a{number}", draw(st.sampled_from([(30.0, 30.0), (30.0, 0.0), (0.0, 30.0)])), draw(st.integers(1, 3))
        )
        for number in range(draw(st.integers(1, 4)))
    ]
    return agents, calls


@given(days(), st.sampled_from(sorted(RULES)), st.sampled_from([0.0, 0.5, 1.0]))
def test_everybody_who_came_was_served_gave_up_or_waits(day, rule, stretch):
    agents, calls = day

    found, times, _ = simulate(agents, calls, rule, stretch=stretch)

    assert found.offered == len(calls)
    assert found.answered == len(times)
    waiting = found.offered - found.answered - found.abandoned
    assert 0 <= waiting <= sum(call.patience_seconds == np.inf for call in calls)
    for call in calls:
        if call.contact.id in times:
            began, ended = times[call.contact.id]
            assert call.contact.arrived_at <= began <= call.contact.arrived_at + call.patience_seconds
            assert ended - began >= call.handle_seconds - 1e-6
            assert stretch or ended - began == pytest.approx(call.handle_seconds)


@given(days(), st.sampled_from(sorted(RULES)), st.sampled_from([0.0, 1.0]))
def test_nobody_serves_more_than_they_may(day, rule, stretch):
    agents, calls = day
    class_of = {call.contact.id: call.contact.class_ for call in calls}
    at_once = {agent.id: agent.concurrency["chat"] for agent in agents}

    _, _, times = simulate(agents, calls, rule, stretch=stretch)

    changes: defaultdict[str, list[tuple[float, int, float]]] = defaultdict(list)
    for contact, (began, ended, agent) in times.items():
        share = 1.0 / at_once[agent] if class_of[contact] == "chat" else 1.0
        # Ends come before beginnings of the same moment.
        changes[agent] += [(began, 1, share), (ended, 0, -share)]
    for events in changes.values():
        load = 0.0
        for _, _, share in sorted(events):
            load += share
            assert load <= 1.0 + 1e-6


@given(days(), st.sampled_from(sorted(RULES)))
def test_the_same_day_gives_the_same_outcome(day, rule):
    agents, calls = day

    first, times, _ = simulate(agents, calls, rule)
    again, times_again, _ = simulate(agents, calls, rule)

    assert times == times_again
    assert (first.value, first.wait_seconds, first.within) == (again.value, again.wait_seconds, again.within)


@given(days())
def test_one_more_equal_agent_leaves_nobody_waiting_longer_in_all(day):
    """True of first come, first served, one class and patience without end; not of rules and skills in general."""
    _, calls = day
    patient = [replace(call, contact=replace(call.contact, class_="voice"), patience_seconds=np.inf) for call in calls]
    people = [an_agent(f"a{number}", (30.0, 30.0)) for number in range(3)]

    fewer, *_ = simulate(people[:2], patient)
    more, *_ = simulate(people, patient)

    if fewer.answered == fewer.offered:
        assert more.answered == more.offered
        assert more.wait_seconds <= fewer.wait_seconds + 1e-6


def test_new_prices_know_only_what_has_come():
    day = draw_day(CentreShape(agents=8, skills=3, intervals=4, load=1.0), seed=2)
    half = 2 * day.desk.interval_seconds
    seen = [call for call in day.calls if call.contact.arrived_at < half]

    told = reprice_by_arrivals(day.problem, day.desk, day.calls, every_seconds=1800.0).desk_at(half)
    blind = reprice_by_arrivals(day.problem, day.desk, seen, every_seconds=1800.0).desk_at(half)

    assert np.array_equal(told.price, blind.price)
    assert np.array_equal(told.rate, blind.rate)
    assert not told.price[:, :2].any()


def test_more_contacts_than_expected_raise_the_rate():
    day = draw_day(CentreShape(agents=8, skills=3, intervals=4, load=1.0), seed=2)
    twice = [replace(call, contact=replace(call.contact, id=f"{call.contact.id}+")) for call in day.calls]

    plain = reprice_by_arrivals(day.problem, day.desk, day.calls, every_seconds=1800.0).desk_at(3600.0)
    busy = reprice_by_arrivals(day.problem, day.desk, [*day.calls, *twice], every_seconds=1800.0).desk_at(3600.0)

    assert (busy.rate[:, 3] > plain.rate[:, 3]).all()


def test_the_router_takes_up_new_prices_where_it_was():
    """The same desk again, every ten minutes, changes nothing."""
    day = draw_day(CentreShape(agents=8, skills=3, intervals=4, load=1.0), seed=2)
    rule = RULES["bid-price-cover"]

    plain = simulate_day(day.problem, Router(day.desk, rule), day.calls)
    again = simulate_day(
        day.problem, Router(day.desk, rule), day.calls, repricing=Repricing(600.0, lambda _now: day.desk)
    )

    assert (again.value, again.within, again.wait_seconds) == (plain.value, plain.within, plain.wait_seconds)


def test_days_are_joined():
    one, *_ = simulate([a_chatter()], [a_call("c1", 0.0, 600.0)])
    two, *_ = simulate([a_chatter("a1"), a_chatter("a2")], [a_call("c1", 0.0, 900.0), a_call("c2", 0.0, 900.0)])

    joined = join([one, two])

    assert (joined.offered, joined.answered, joined.value) == (3, 3, 30.0)
    assert joined.busy_seconds.sum() == 600.0 + 1800.0
    assert joined.signed_in_seconds.sum() == 3 * 3600.0
    with pytest.raises(ValueError, match="no outcomes"):
        join([])
