"""An agent may serve several contacts at once, nobody waits for ever or is flooded, and each choice can be told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.plan import Prices
from optimizer.policy import Policy
from optimizer.problem import Forecast, Requirement
from optimizer.routing import (
    FALLBACK,
    IDLE_CAP_SECONDS,
    LIVE,
    RULES,
    Contact,
    Decision,
    Desk,
    Floor,
    Router,
    Rule,
    Standing,
)
from tests.factories.optimizer_problems import a_problem, an_agent

MINUTES = {"call": 5.0, "chat": 10.0}
POLICY = Policy(weights={"service": 1.0, "match": 0.5, "continuity": 0.4})


def a_desk(agents=2, *, chats=3, values=(1.0, 1.0), skills=("call", "chat")):
    held = dict.fromkeys(skills, 3)
    people = [
        an_agent(f"a{number}", (600.0, 600.0), skills=held, concurrency={"chat": chats})
        for number in range(1, agents + 1)
    ]
    forecast = (
        Forecast("call", "voice", (Requirement("call", 1),), (30.0, 30.0), value_per_minute=values[0]),
        Forecast("chat", "chat", (Requirement("chat", 1),), (30.0, 30.0), value_per_minute=values[1]),
    )
    return Desk.of(a_problem(people, [], forecast=forecast, policy=POLICY), Prices(), MINUTES)


def a_router(desk, rule=LIVE, free=()):
    router = Router(desk, rule)
    for second, agent in enumerate(free):
        router.release(agent, float(second))
    return router


def arrive(router, name, class_, now, **values):
    return [(each.contact.id, each.agent) for each in router.arrive(Contact(name, class_, now, **values), now)]


def test_chats_take_a_third_each_and_a_call_takes_all():
    router = a_router(a_desk(1), free=["a1"])

    taken = [arrive(router, f"c{number}", "chat", 10.0) for number in range(4)]

    assert [len(each) for each in taken] == [1, 1, 1, 0]
    assert router.load("a1") == pytest.approx(1.0)
    assert arrive(router, "call", "call", 11.0) == []
    assert router.release("a1", 20.0, contact="c0")[0].contact.id == "c3"


def test_a_call_waits_until_the_last_chat_has_ended():
    router = a_router(a_desk(1), free=["a1"])
    for number in range(2):
        arrive(router, f"c{number}", "chat", 10.0)
    arrive(router, "call", "call", 11.0)

    assert router.release("a1", 20.0, contact="c0") == ()
    (served,) = router.release("a1", 30.0, contact="c1")
    assert served.contact.id == "call"


def test_an_agent_with_an_empty_desk_comes_before_one_who_chats():
    router = a_router(a_desk(2), free=["a1", "a2"])

    agents = [arrive(router, f"c{number}", "chat", 100.0 + 60 * number)[0][1] for number in range(4)]

    assert agents == ["a1", "a2", "a1", "a2"]


def test_somebody_who_was_just_given_a_chat_is_spared_for_a_while():
    # a1 has no chat, a2 has one since long ago. Without settling a1, at a third as well then, would be given the next.
    desk = a_desk(2)
    router = a_router(desk, replace(LIVE, crowding=0.2), free=["a2", "a1"])
    arrive(router, "old", "chat", 2.0)
    assert arrive(router, "c1", "chat", 1000.0) == [("c1", "a1")]

    assert arrive(router, "c2", "chat", 1005.0) == [("c2", "a2")]


def test_whoever_returns_is_not_given_everything_that_comes():
    """The one who was away for a fortnight gets a fair share of what comes after: idle time counts from presence."""
    names = [f"a{number}" for number in range(1, 11)]
    router = a_router(a_desk(10, chats=1, skills=("call",)), FALLBACK, free=names[1:])
    router.sign_out("a1")
    now = 14 * 24 * 3600.0
    for name in names[1:]:
        router.release(name, now - 600.0)
    router.release("a1", now)

    given = []
    for number in range(50):
        now += 30.0
        ((_, agent),) = arrive(router, f"c{number}", "call", now)
        given.append(agent)
        router.release(agent, now + 20.0, contact=f"c{number}")

    assert given.index("a1") == 9
    assert given.count("a1") == 5


def test_idle_time_beyond_the_cap_counts_for_nothing():
    floor = Floor(a_desk(2))
    floor.stand(0, Standing(present=True, idle_since=-1e6))
    floor.stand(1, Standing(present=True, idle_since=0.0))

    assert floor.candidates(0, 2 * IDLE_CAP_SECONDS).idle_seconds.tolist() == [IDLE_CAP_SECONDS] * 2


def test_ageing_lets_nobody_wait_for_ever():
    # A chat is worth 10 points against 500 of a call, 1 against 100 a minute. Mean pace 50.5: with ageing 0.1 each
    # minute of waiting adds 5.05, so that after (150 - 1.5) / 5.05 = 29.4 minutes it beats a call that has just come.
    desk = a_desk(1, chats=1, values=(100.0, 1.0))
    first = {}
    for minutes in (29.0, 30.0):
        router = a_router(desk)
        router.arrive(Contact("chat", "chat", 0.0), 0.0)
        now = 60.0 * minutes
        router.arrive(Contact("call", "call", now), now)
        first[minutes] = router.release("a1", now)[0].contact.id

    assert first == {29.0: "call", 30.0: "chat"}


def test_a_decision_tells_its_parts_and_who_was_next():
    router = a_router(a_desk(2), replace(LIVE, cover=0.0), free=["a1", "a2"])

    (decision,) = router.arrive(Contact("c1", "chat", 50.0, known_agents=("a2",)), 50.0)

    # 10 points of service, half of that for a full match, and 0.4 of it because the customer knows a2.
    assert (decision.agent, decision.runner_up) == ("a2", "a1")
    assert decision.parts.value == pytest.approx(15.0)
    assert decision.parts.continuity == pytest.approx(4.0)
    assert decision.runner_up_parts.continuity == 0.0


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("ageing", lambda: Rule("value", ageing=-1.0)),
        ("crowding", lambda: Rule("value", crowding=-1.0)),
        ("settle_seconds", lambda: Rule("value", settle_seconds=-1.0)),
    ],
)
def test_a_negative_amount_is_refused(field, make):
    with pytest.raises(ValueError, match=f"{field} must be finite"):
        make()


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), rule=st.sampled_from([*sorted(RULES), "live", "fallback"]))
def test_a_router_that_is_taken_up_again_decides_as_if_it_had_never_stopped(seed, rule):
    chosen = {"live": LIVE, "fallback": FALLBACK}.get(rule) or RULES[rule]
    desk = a_desk(3, values=(1.0, 2.0))

    assert play(desk, chosen, seed, stops=False) == play(desk, chosen, seed, stops=True)


def play(desk, rule, seed, *, stops):
    """Return what a router decides in a random hour; no agent is ever given more than all of their attention."""
    random = np.random.default_rng(seed)
    router = Router(desk, rule)
    log: list[tuple[str, str, float]] = []
    serving: dict[str, str] = {}
    now = 0.0
    for number in range(80):
        now += float(random.exponential(20.0))
        agent, kind = f"a{random.integers(1, 4)}", int(random.integers(6))
        made: tuple[Decision, ...] = ()
        if kind <= 2:
            made = router.arrive(Contact(f"c{number}", ["call", "chat"][random.integers(2)], now), now)
        elif kind == 3 and serving:
            name = sorted(serving)[random.integers(len(serving))]
            made = router.release(serving.pop(name), now, contact=name)
        elif kind == 4 and agent not in serving.values():
            made = router.release(agent, now)
        else:
            made = router.match(now)
        for decision in made:
            assert decision.contact.id not in serving
            serving[decision.contact.id] = decision.agent
            log.append((decision.contact.id, decision.agent, decision.value))
        for name in desk.agents:
            mine = [contact for contact, who in serving.items() if who == name]
            assert router.load(name) <= 1.0 + 1e-9
            assert bool(mine) is (router.load(name) > 0)
        if stops and number % 7 == 0:
            router = Router.restore(desk, rule, router.snapshot())
    return log
