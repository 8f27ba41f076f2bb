"""A router serves who may be served, by the rule it was given, and the plan's prices count."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.files import read_plan
from optimizer.plan import Plan, Prices, Status
from optimizer.policy import Policy
from optimizer.problem import Forecast, Requirement
from optimizer.routing import RULES, Contact, Decision, Desk, Router, Rule
from tests.factories.optimizer_problems import a_problem, an_agent

MINUTES = {"billing": 5.0, "spanish": 10.0}
POLICY = Policy(weights={"service": 1.0, "match": 0.5, "continuity": 0.4})


def a_class(name, *, value=1.0, prefers=5):
    return Forecast(
        name,
        "voice",
        (Requirement(name, 1), Requirement(name, prefers, preferred=True)),
        (30.0, 30.0),
        value_per_minute=value,
    )


def a_desk(skills, prices=None, *, values=(1.0, 1.0)):
    """Return a desk of agents a1, a2, … with these skills, and the classes billing and spanish."""
    agents = [an_agent(f"a{number}", (30.0, 30.0), skills=held) for number, held in enumerate(skills, start=1)]
    forecast = (a_class("billing", value=values[0]), a_class("spanish", value=values[1]))
    problem = a_problem(agents, [], forecast=forecast, policy=POLICY)
    return Desk.of(problem, Prices(prices or {}), MINUTES)


def a_router(desk, rule="greedy-fit", free=()):
    """Return a router in which agents became free one second apart."""
    router = Router(desk, RULES[rule] if isinstance(rule, str) else rule)
    for second, agent in enumerate(free):
        assert router.release(agent, float(second)) == ()
    return router


def served(decisions):
    return [(decision.contact.id, decision.agent) for decision in decisions]


def test_longest_idle_serves_an_arrival():
    router = a_router(a_desk([{"billing": 1}, {"billing": 5}]), "longest-idle", free=["a2", "a1"])

    assert served(router.arrive(Contact("c1", "billing", 9.0), 9.0)) == [("c1", "a2")]
    assert served(router.arrive(Contact("c2", "billing", 9.5), 9.5)) == [("c2", "a1")]
    assert router.arrive(Contact("c3", "billing", 9.8), 9.8) == ()


def test_longest_idle_takes_who_has_waited_longest():
    router = a_router(a_desk([{"billing": 1, "spanish": 1}]), "longest-idle")
    router.arrive(Contact("c1", "spanish", 1.0), 1.0)
    router.arrive(Contact("c2", "billing", 2.0), 2.0)

    assert served(router.release("a1", 9.0)) == [("c1", "a1")]
    assert served(router.release("a1", 19.0)) == [("c2", "a1")]


@pytest.mark.parametrize("rule", ["best-skill", "greedy-fit", "bid-price", "bid-price-cover"])
def test_the_better_level_serves_where_nothing_else_differs(rule):
    router = a_router(a_desk([{"billing": 2}, {"billing": 4}]), rule, free=["a1", "a2"])

    assert served(router.arrive(Contact("c1", "billing", 9.0), 9.0)) == [("c1", "a2")]


def test_static_priority_takes_the_contact_of_more_worth():
    # Billing is worth 3 × 5 minutes = 15 points, Spanish 1 × 10 = 10, although it has waited longer.
    router = a_router(a_desk([{"billing": 1, "spanish": 5}], values=(3.0, 1.0)), "static-priority")
    router.arrive(Contact("c1", "spanish", 1.0), 1.0)
    router.arrive(Contact("c2", "billing", 2.0), 2.0)

    assert served(router.release("a1", 9.0)) == [("c2", "a1")]


def test_a_bid_price_spares_the_agent_whose_minutes_are_dear():
    # Billing, 5 minutes, prefers level 5 at half the weight of both: match (1 + 5/5) / 2 = 1 for a2 and
    # (1 + 2/5) / 2 = 0.7 for a1. Value 5 × (1 + 0.5 × match) = 7.5 and 6.75. A price of 1 for a2 costs
    # 0.5 × 1 × 5 = 2.5 of 7.5: a1 scores more.
    desk = a_desk([{"billing": 2}, {"billing": 5}], {"a2": (1.0, 0.0)})
    contact = Contact("c1", "billing", 9.0)

    (dear,) = a_router(desk, "bid-price", free=["a1", "a2"]).arrive(contact, 9.0)
    (greedy,) = a_router(desk, "greedy-fit", free=["a1", "a2"]).arrive(contact, 9.0)

    assert (dear.agent, dear.value, dear.price) == ("a1", pytest.approx(6.75), 0.0)
    assert (greedy.agent, greedy.value, greedy.price) == ("a2", pytest.approx(7.5), pytest.approx(5.0))


def test_prices_are_those_of_the_interval():
    desk = a_desk([{"billing": 2}, {"billing": 5}], {"a2": (1.0, 0.0)})
    router = a_router(desk, "bid-price", free=["a1", "a2"])
    now = desk.interval_seconds + 1.0

    assert served(router.arrive(Contact("c1", "billing", now), now)) == [("c1", "a2")]


def test_cover_keeps_free_the_only_one_who_speaks_spanish():
    # a2 fits billing better, but is the only one free for Spanish, of which a contact arrives every 10 minutes.
    desk = a_desk([{"billing": 2}, {"billing": 5, "spanish": 5}])
    contact = Contact("c1", "billing", 9.0)

    with_cover = a_router(desk, Rule("value", cover=1.0), free=["a1", "a2"]).arrive(contact, 9.0)
    without = a_router(desk, Rule("value"), free=["a1", "a2"]).arrive(contact, 9.0)

    assert (served(with_cover), served(without)) == ([("c1", "a1")], [("c1", "a2")])


def test_a_batch_finds_the_best_pairs_together():
    # Alone, billing would take a1 (level 5). Spanish with a1 and billing with a2 is the only way to serve both.
    desk = a_desk([{"billing": 5, "spanish": 1}, {"billing": 1}])
    router = a_router(desk, "batch", free=["a1", "a2"])
    assert router.arrive(Contact("c1", "billing", 3.0), 3.0) == ()
    assert router.arrive(Contact("c2", "spanish", 4.0), 4.0) == ()

    assert sorted(served(router.match(6.0))) == [("c1", "a2"), ("c2", "a1")]
    assert (router.waiting, router.idle) == (0, 0)


def test_a_reserve_holds_what_does_not_pay_and_lets_go_in_time():
    # 5 minutes at a price of 5 cost 0.5 × 25 = 12.5 points; billing with level 5 is worth 7.5.
    desk = a_desk([{"billing": 5}], {"a1": (5.0, 5.0)})
    router = a_router(desk, "bid-price-reserve", free=["a1"])
    router.arrive(Contact("c1", "billing", 1.0), 1.0)

    assert router.match(3.0) == ()
    assert router.match(18.0) == ()
    assert served(router.match(21.0)) == [("c1", "a1")]


def test_a_reserve_holds_at_a_release_too():
    desk = a_desk([{"billing": 5}], {"a1": (5.0, 5.0)})
    router = a_router(desk, "bid-price-reserve")
    router.arrive(Contact("c1", "billing", 1.0), 1.0)

    assert router.release("a1", 2.0) == ()
    assert router.idle == 1


def test_urgency_serves_who_has_waited_before_who_pays_a_little_more():
    # Spanish is worth 11 points, billing 10: with an urgency of 1, ten seconds of waiting add half of 10.
    desk = a_desk([{"billing": 5, "spanish": 5}], values=(2.0, 1.1))
    served_first = {}
    for urgency in (0.0, 1.0):
        router = a_router(desk, Rule("value", urgency=urgency))
        router.arrive(Contact("old", "billing", 0.0), 0.0)
        router.arrive(Contact("new", "spanish", 10.0), 10.0)
        served_first[urgency] = served(router.release("a1", 10.0))[0][0]

    assert served_first == {0.0: "new", 1.0: "old"}


def test_points_per_minute_put_short_contacts_first():
    # 5 minutes for 10 points against 10 minutes for 11.
    desk = a_desk([{"billing": 5, "spanish": 5}], values=(2.0, 1.1))
    router = a_router(desk, Rule("value", per_minute=True))
    router.arrive(Contact("c1", "spanish", 1.0), 1.0)
    router.arrive(Contact("c2", "billing", 2.0), 2.0)

    assert served(router.release("a1", 3.0)) == [("c2", "a1")]


def test_a_known_agent_and_a_contact_of_its_own_worth_count():
    # Known: 0.4 more for a1, against 0.15 more of match for a2. Worth 50: value 50 × (1 + 0.5 × 0.7 + 0.4).
    router = a_router(a_desk([{"billing": 2}, {"billing": 5}]), free=["a2", "a1"])

    (decision,) = router.arrive(Contact("c1", "billing", 9.0, worth=50.0, known_agents=("a1", "elsewhere")), 9.0)

    assert (decision.agent, decision.value) == ("a1", pytest.approx(50 * 1.75))


def test_who_gave_up_is_not_served_and_may_come_back():
    router = a_router(a_desk([{"billing": 1}]))
    router.arrive(Contact("c1", "billing", 1.0), 1.0)
    router.arrive(Contact("c2", "billing", 2.0), 2.0)

    assert router.leave("c1")
    assert not router.leave("c1")
    router.arrive(Contact("c1", "billing", 3.0), 3.0)

    assert served(router.release("a1", 4.0)) == [("c2", "a1")]
    assert served(router.release("a1", 5.0)) == [("c1", "a1")]
    assert router.release("a1", 6.0) == ()


def test_an_arrival_finds_a_free_agent_although_somebody_gave_up_before():
    router = a_router(a_desk([{"billing": 1}]))
    router.arrive(Contact("c1", "billing", 1.0), 1.0)
    router.leave("c1")
    router.release("a1", 2.0)

    assert served(router.arrive(Contact("c2", "billing", 3.0), 3.0)) == [("c2", "a1")]


def test_who_has_signed_out_gets_nothing():
    router = a_router(a_desk([{"billing": 1}]), free=["a1"])

    router.sign_out("a1")
    router.sign_out("a1")

    assert router.arrive(Contact("c1", "billing", 3.0), 3.0) == ()


def test_a_plan_file_is_what_prices_are_read_from(tmp_path):
    plan = Plan(Status.OPTIMAL, objective=0.0, prices=Prices({"a1": (0.25, 0.5)}))
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(plan.to_json()), encoding="utf-8")
    problem = a_problem([an_agent("a1", (30.0, 30.0))], [], forecast=(a_class("billing"),), policy=POLICY)

    desk = Desk.of(problem, read_plan(file).prices, MINUTES)

    assert desk.price.tolist() == [[0.25, 0.5]]


@pytest.mark.parametrize("minutes", [{}, {"billing": 0.0}, {"billing": float("nan")}])
def test_a_class_without_handle_minutes_is_refused(minutes):
    problem = a_problem([an_agent("a1", (30.0, 30.0))], [], forecast=(a_class("billing"),))

    with pytest.raises(ValueError, match="handle minutes of class 'billing'"):
        Desk.of(problem, Prices(), minutes)


def test_what_nobody_knows_is_refused():
    router = a_router(a_desk([{"billing": 1}]))
    router.arrive(Contact("c1", "billing", 1.0), 1.0)

    with pytest.raises(KeyError):
        router.arrive(Contact("c2", "greek", 1.0), 1.0)
    with pytest.raises(ValueError, match="'c1' waits already"):
        router.arrive(Contact("c1", "billing", 1.0), 1.0)
    with pytest.raises(KeyError):
        router.release("nobody", 1.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"by": "chance"}, "by must be one of"),
        ({"by": "value", "theta": -0.1}, "theta must be finite"),
        ({"by": "value", "cover": float("inf")}, "cover must be finite"),
        ({"by": "value", "reserve_seconds": 5.0}, "needs batch_seconds"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Rule(**fields)


@settings(max_examples=60)
@given(
    rule=st.sampled_from(sorted(RULES)),
    seed=st.integers(0, 2**31 - 1),
)
def test_whatever_happens_each_contact_is_served_once_by_somebody_able_and_free(rule, seed):
    random = np.random.default_rng(seed)
    skills = [{"billing": 1 + number % 5} | ({"spanish": 3} if number % 2 else {}) for number in range(4)]
    prices = {f"a{number}": tuple(random.uniform(0, 3, 2).tolist()) for number in range(1, 5)}
    desk = a_desk(skills, prices, values=(1.0, 2.5))

    log, repeated = (play(Router(desk, RULES[rule]), np.random.default_rng(seed)) for _ in range(2))

    assert log == repeated
    assert len({decision.contact.id for decision in log}) == len(log)
    for decision in log:
        assert desk.able[desk.row[decision.contact.class_], desk.column[decision.agent]]
    for name in desk.classes:
        own = [decision.contact.arrived_at for decision in log if decision.contact.class_ == name]
        assert own == sorted(own)


def play(router, random):
    """Return the decisions of a random minute of events, and hold that nobody serves two at once."""
    log: list[Decision] = []
    busy, now = set(), 0.0
    for number in range(60):
        now += float(random.exponential(20.0))
        agent = f"a{random.integers(1, 5)}"
        kind = random.integers(5)
        made: tuple[Decision, ...] = ()
        if kind <= 1:
            made = router.arrive(Contact(f"c{number}", ["billing", "spanish"][random.integers(2)], now), now)
        elif kind == 2:
            busy.discard(agent)
            made = router.release(agent, now)
        elif kind == 3:
            router.leave(f"c{random.integers(60)}")
        else:
            made = router.match(now)
        for decision in made:
            assert decision.agent not in busy
            busy.add(decision.agent)
        # Contacts of one moment are in no order among themselves.
        log += sorted(made, key=lambda decision: decision.contact.arrived_at)
    return log


def test_the_policy_weighs_service_and_match():
    desk = a_desk([{"billing": 5}])
    doubled = replace(desk, service=2.0, match_weight=0.0)

    (decision,) = a_router(doubled, free=["a1"]).arrive(Contact("c1", "billing", 1.0), 1.0)

    assert decision.value == pytest.approx(10.0)
