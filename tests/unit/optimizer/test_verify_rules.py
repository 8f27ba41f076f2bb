"""Every rule of the checker at its edge: what just obeys it passes, what just breaks it is found, and nothing more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optimizer.plan import Assignment, Cause, CauseCode, Fix, FixCode, Growth, Plan, Reservation, Status, Unassigned
from optimizer.policy import LADDER_STEPS, LadderStep, Policy
from optimizer.problem import Agent, Engagement, Forecast, Limits, Pin, Placement, Problem, Requirement
from optimizer.verify import verify
from tests.factories.optimizer_problems import START

WITHOUT_POINTS = Policy(weights={}, ladder=tuple(LadderStep(step, 0.0) for step in LADDER_STEPS))
STRICT = replace(WITHOUT_POINTS, ladder=())
BILLING = (Requirement("billing", 3),)


def ada(**fields: Any) -> Agent:
    """Return an agent with billing at 3 and four half hours."""
    return Agent(**({"id": "ada", "skills": {"billing": 3}, "capacity": (30.0,) * 4} | fields))


def ben(**fields: Any) -> Agent:
    """Return an agent one level short of billing who wants to learn it."""
    return ada(**({"id": "ben", "skills": {"billing": 2}, "wants": ("billing",), "max_stretch_minutes": 20.0} | fields))


def work(identity: str = "e1", **fields: Any) -> Engagement:
    """Return 20 minutes of billing mail that may start in intervals 0 to 2."""
    given: dict[str, Any] = {"minutes": 20.0, "channel": "email", "earliest": 0, "due": 2, "latest": 2, "priority": 1}
    given |= {"value": 1.0, "requires": BILLING}
    return Engagement(id=identity, **(given | fields))


def row(identity: str, agent: str = "ada", start: int = 0, minutes: float = 20.0, **fields: Any) -> Assignment:
    """Return an assignment without points."""
    return Assignment(identity, agent, start, minutes, 0.0, {}, **fields)


def broken(agents: list[Agent], works: list[Engagement], rows: list[Assignment], **fields: Any) -> list[str]:
    """Return the rules that a plan of these rows breaks, each as often as it is broken."""
    reserved, growth = tuple(fields.pop("reserved", ())), tuple(fields.pop("growth", ()))
    asked: dict[str, Any] = {"start": START, "interval_minutes": 30.0, "intervals": 4, "policy": WITHOUT_POINTS}
    problem = Problem(agents=tuple(agents), engagements=tuple(works), **(asked | fields))
    served = {each.engagement for each in rows}
    left = [Unassigned(each.id, Cause(CauseCode.SOLD), Fix(FixCode.NONE)) for each in works if each.id not in served]
    plan = Plan(
        Status.FEASIBLE,
        objective=0.0,
        assignments=tuple(rows),
        unassigned=tuple(left),
        reserved=reserved,
        growth=growth,
    )
    return [violation.rule for violation in verify(problem, plan)]


TWO = [work("e1"), work("e2")]


@pytest.mark.parametrize(
    ("agent", "works", "rows", "carry", "rules"),
    [
        (ada(), [work(minutes=30.0)], [row("e1", minutes=30.0)], 0.0, []),
        (ada(), TWO, [row("e1"), row("e2")], 10.0, []),
        (ada(), TWO, [row("e1"), row("e2")], 9.9, ["capacity"]),
        (ada(capacity=(30.0, 0.0, 30.0, 30.0)), TWO, [row("e1"), row("e2")], 10.0, ["capacity"]),
        (
            ada(),
            [work("e1", latest=3), work("e2", latest=3)],
            [row("e1", start=3), row("e2", start=3)],
            10.0,
            ["capacity"],
        ),
        (ada(), [*TWO, work("e3", minutes=30.0)], [row("e1"), row("e2"), row("e3", start=1, minutes=30.0)], 10.0, []),
        (
            ada(),
            [*TWO, work("e3"), work("e4")],
            [*map(row, ("e1", "e2")), row("e3", start=1), row("e4", start=1)],
            10.0,
            ["capacity"],
        ),
        (
            ada(),
            [*TWO, work("e3"), work("e4")],
            [row("e1"), row("e2"), row("e3", start=2), row("e4", start=2)],
            10.0,
            [],
        ),
        (ada(), [work(minutes=40.0)], [row("e1", minutes=40.0)], 0.0, []),
        (ada(), [work(minutes=40.0, latest=3)], [row("e1", start=3, minutes=40.0)], 0.0, ["finish"]),
        (ada(capacity=(30.0, 0.0, 30.0, 30.0)), [work(minutes=40.0)], [row("e1", minutes=40.0)], 0.0, ["finish"]),
        (ada(capacity=(0.0, 30.0, 30.0, 30.0)), [work()], [row("e1")], 0.0, ["finish"]),
        (
            ada(concurrency={"email": 2.0}),
            [work("e1", minutes=30.0), work("e2", minutes=30.0)],
            [row("e1", minutes=30.0), row("e2", minutes=30.0)],
            0.0,
            [],
        ),
        (
            ada(concurrency={"email": 2.0}),
            [work("e1", minutes=80.0)],
            [row("e1", start=2, minutes=80.0)],
            0.0,
            ["finish"],
        ),
        (
            ada(concurrency={"email": 2.0}, capacity=(10.0,) * 4),
            [work("e1", minutes=80.0)],
            [row("e1", minutes=80.0)],
            0.0,
            [],
        ),
    ],
)
def test_minutes_of_an_agent(agent, works, rows, carry, rules):
    assert broken([agent], works, rows, max_carry=carry) == rules


def test_work_in_overtime_loads_overtime_alone():
    agent = ada(overtime=(20.0, 0.0, 0.0, 0.0), capacity=(30.0,) * 4)
    paid: dict[str, Any] = {"relaxed": ("overtime",)}
    three = [work("e1", minutes=30.0), work("e2"), work("e3")]

    assert broken([agent], three[:2], [row("e1", minutes=30.0), row("e2", **paid)]) == []
    assert broken([agent], TWO, [row("e1", **paid), row("e2", **paid)]) == ["overtime"]
    assert broken([agent], TWO, [row("e1", start=1, **paid), row("e2")]) == ["finish"]
    assert broken([ada()], [work()], [row("e1", **paid)]) == ["finish"]


def test_overtime_is_used_up_to_its_last_minute():
    paid: dict[str, Any] = {"relaxed": ("overtime",)}
    agent = ada(overtime=(20.0, 0.0, 0.0, 0.0))
    works = [work("e1", minutes=15.0), work("e2", minutes=5.0), work("e3", minutes=0.5)]
    rows = [row(each.id, minutes=each.minutes, **paid) for each in works]

    assert broken([agent], works, rows[:2]) == []
    assert broken([agent], works, rows) == ["overtime"]


def test_minutes_that_may_not_be_carried_are_found_in_the_interval_that_they_leave():
    """Ten minutes would have to be carried out of interval 0 into one without capacity."""
    problem = Problem(
        start=START,
        interval_minutes=30.0,
        intervals=2,
        agents=(ada(capacity=(30.0, 0.0)),),
        engagements=tuple(replace(each, due=0, latest=1) for each in TWO),
        policy=WITHOUT_POINTS,
        max_carry=10.0,
    )

    found = verify(problem, Plan(Status.FEASIBLE, 0.0, assignments=(row("e1"), row("e2"))))

    assert [(violation.rule, violation.interval) for violation in found] == [("capacity", 0)]


HALVES = ((0, 2), (2, 4))


@pytest.mark.parametrize(
    ("limits", "starts", "rules"),
    [
        (Limits(contacts={"email": 1}), (1, 2), []),
        (Limits(contacts={"email": 1}), (0, 1), ["contacts"]),
        (Limits(contacts={"chat": 0}), (0, 1), []),
        (Limits(heavy_minutes=20.0), (1, 2), []),
        (Limits(heavy_minutes=40.0), (0, 1), []),
        (Limits(heavy_minutes=39.9), (0, 1), ["heavy"]),
    ],
)
def test_limits_of_a_shift(limits, starts, rules):
    works = [work("e1", heavy=True), work("e2", heavy=True)]

    rows = [row("e1", start=starts[0]), row("e2", start=starts[1])]

    assert broken([ada(limits=limits, shifts=HALVES)], works, rows) == rules


MENTOR = ada(mentor_for=("billing",))
STRETCH: dict[str, Any] = {"stretch": "billing"}


@pytest.mark.parametrize(
    ("learner", "mentor", "fields", "rules"),
    [
        (ben(), MENTOR, STRETCH, []),
        (ben(), MENTOR, {}, ["skill"]),
        (ben(), MENTOR, {"relaxed": ("lower_level",)}, ["skill", "skill"]),
        (ben(max_stretch_minutes=19.9), MENTOR, STRETCH, ["stretch"]),
        (ben(max_stretch_minutes=0.0), MENTOR, {"relaxed": ("lower_level",)}, []),
        (ben(wants=()), MENTOR, {"relaxed": ("lower_level",)}, []),
        (ben(wants=()), MENTOR, STRETCH, ["skill", "skill"]),
        (ben(), replace(MENTOR, skills={"billing": 2}), {"relaxed": ("lower_level",)}, []),
        (ben(), replace(MENTOR, mentor_for=()), {"relaxed": ("lower_level",)}, []),
        (ben(mentor_for=("billing",)), replace(MENTOR, mentor_for=()), {"relaxed": ("lower_level",)}, []),
        (ben(), replace(MENTOR, capacity=(0.0, 30.0, 30.0, 30.0)), {"relaxed": ("lower_level",)}, []),
        (ben(skills={"billing": 1}), MENTOR, {"relaxed": ("lower_level",)}, ["skill"]),
        (ben(skills={}), MENTOR, {"relaxed": ("lower_level",)}, ["skill", "skill"]),
        (ben(skills={"billing": 3}), MENTOR, {"relaxed": ("lower_level",)}, ["skill"]),
        (ben(skills={"billing": 3}), MENTOR, {}, []),
        (ben(skills={"billing": 3}), MENTOR, STRETCH, ["skill"]),
    ],
)
def test_stretch_and_lower_levels(learner, mentor, fields, rules):
    found = broken([learner, mentor], [work()], [row("e1", "ben", **fields)])

    assert [rule for rule in found if rule != "ladder"] == rules


def test_a_mentor_is_there_until_the_work_ends():
    """40 minutes run in the intervals 0 and 1."""
    learner, works, rows = (
        ben(max_stretch_minutes=40.0),
        [work(minutes=40.0)],
        [row("e1", "ben", minutes=40.0, **STRETCH)],
    )

    assert broken([learner, replace(MENTOR, capacity=(30.0, 30.0, 0.0, 0.0))], works, rows) == []
    assert "skill" in broken([learner, replace(MENTOR, capacity=(30.0, 0.0, 30.0, 30.0))], works, rows)


def test_a_level_that_is_missing_twice_is_no_stretch():
    """From level 1 it can be lowered, from level 0 not."""
    both = (Requirement("billing", 3), Requirement("tax", 2))
    lowered = [row("e1", "ben", relaxed=("lower_level",))]

    assert broken([ben(skills={"billing": 2, "tax": 1}), MENTOR], [work(requires=both)], lowered) == []
    two = (Requirement("billing", 3), Requirement("tax", 1))
    assert broken([ben(), MENTOR], [work(requires=two)], lowered) == ["skill"]


LOW, HIGH = Requirement("tax", 2, 0.5, preferred=True), Requirement("law", 2, 1.0, preferred=True)
DROPPED: dict[str, Any] = {"relaxed": ("drop_preferred",)}


@pytest.mark.parametrize(
    ("requires", "skills", "fields", "rules"),
    [
        ((LOW, HIGH), {"tax": 2, "law": 2}, {}, []),
        ((LOW, HIGH), {"law": 2}, DROPPED, []),
        ((LOW, HIGH), {"law": 2}, {}, ["skill"]),
        ((LOW, HIGH), {"tax": 2, "law": 2}, DROPPED, ["skill"]),
        ((HIGH, LOW), {"tax": 2}, {}, ["skill"]),
        ((LOW, replace(HIGH, weight=0.5)), {"law": 2}, DROPPED, []),
        ((LOW, replace(HIGH, weight=0.5)), {"tax": 2}, {}, ["skill"]),
        (BILLING, {"billing": 3}, DROPPED, ["ladder"]),
    ],
)
def test_preferred_skills_under_a_ladder_that_may_drop_one(requires, skills, fields, rules):
    assert broken([ada(skills=skills)], [work(requires=requires)], [row("e1", **fields)]) == rules


def test_preferred_skills_without_that_step_are_no_rule():
    assert broken([ada(skills={})], [work(requires=(LOW, HIGH))], [row("e1")], policy=STRICT) == []


@pytest.mark.parametrize(
    ("fields", "chosen", "rules"),
    [
        ({"site": "north"}, {"relaxed": ("other_site",)}, []),
        ({"site": "north"}, {}, ["ladder"]),
        ({}, {"relaxed": ("other_site",)}, ["ladder"]),
        ({"owner": "ben"}, {"relaxed": ("hand_over",)}, []),
        ({"owner": "ben"}, {}, ["ladder"]),
        ({"owner": "ada"}, {}, []),
        ({"owner": "ada"}, {"relaxed": ("hand_over",)}, ["ladder"]),
        ({"latest": 1, "due": 1}, {"start": 1}, []),
        ({"latest": 1, "due": 1}, {"start": 2}, ["ladder"]),
        ({"latest": 1, "due": 1}, {"start": 2, "relaxed": ("later",)}, []),
        ({"latest": 1, "due": 1}, {"start": 1, "relaxed": ("later",)}, ["ladder"]),
        ({"earliest": 1}, {"start": 1}, []),
        ({"earliest": 1}, {"start": 0}, ["window"]),
        ({"site": "north", "owner": "ben"}, {"relaxed": ("other_site", "hand_over")}, []),
        ({"site": "north", "owner": "ben"}, {"relaxed": ("hand_over", "other_site")}, ["ladder"]),
        ({"site": "north"}, {"relaxed": ("other_site", "other_site")}, ["ladder"]),
        ({"minutes_by_agent": {"ada": 20.5}}, {}, ["minutes"]),
        ({"minutes_by_agent": {"ada": 19.5}}, {}, ["minutes"]),
        ({"channel": "chat"}, {}, ["reach"]),
        ({"language": "es"}, {}, ["reach"]),
        ({"authority": ("refund", "credit")}, {}, ["reach"]),
        ({"authority": ("refund",)}, {}, []),
        ({"excluded_agents": ("ada",)}, {}, ["excluded"]),
        ({"excluded_agents": ("ben",)}, {}, []),
        ({"eligible_agents": ("ben",)}, {}, ["eligible"]),
        ({"eligible_agents": ("ben", "ada")}, {}, []),
    ],
)
def test_who_may_take_it_and_when(fields, chosen, rules):
    agents = [ada(channels=("email",), authorities=("refund",)), ben()]

    assert broken(agents, [work(**fields)], [row("e1", **chosen)]) == rules


def test_a_step_that_the_ladder_does_not_list_is_found():
    late = work(latest=1, due=1)

    assert broken([ada()], [late], [row("e1", start=2, relaxed=("later",))], policy=STRICT) == ["ladder"]


PAIR: dict[str, Any] = {"shadow": "ben"}


@pytest.mark.parametrize(
    ("fields", "learner", "chosen", "rules"),
    [
        ({}, ben(), PAIR, []),
        ({}, ben(), {}, ["shadow"]),
        ({}, ben(), {"relaxed": ("drop_shadow",)}, []),
        ({}, ben(), PAIR | {"relaxed": ("drop_shadow",)}, ["shadow"]),
        ({"shadow": False}, ben(), PAIR, ["shadow"]),
        ({"shadow": False}, ben(), {"relaxed": ("drop_shadow",)}, ["shadow"]),
        ({"shadow": False}, ben(), {}, []),
        ({"excluded_agents": ("ben",)}, ben(), PAIR, ["shadow"]),
        ({"language": "es"}, ben(), PAIR, ["shadow"]),
        ({"language": "es"}, ben(languages=("es",)), PAIR, []),
        ({"site": "north"}, ben(), PAIR, ["shadow"]),
        ({"site": "north"}, ben(site="north"), PAIR, []),
        ({}, ben(wants=()), PAIR, ["shadow"]),
        ({}, ben(skills={"billing": 3}), PAIR, ["shadow"]),
        ({}, ben(skills={}), PAIR, []),
        ({"requires": (Requirement("billing", 3, preferred=True),)}, ben(), PAIR, ["shadow"]),
        ({}, ben(capacity=(0.0, 30.0, 30.0, 30.0)), PAIR, ["shadow"]),
        ({}, ben(capacity=(10.0, 10.0, 0.0, 0.0)), PAIR, []),
        ({}, ben(capacity=(10.0, 9.0, 0.0, 0.0)), PAIR, ["shadow"]),
        ({}, ben(max_stretch_minutes=19.9), PAIR, ["stretch"]),
    ],
)
def test_pairs(fields, learner, chosen, rules):
    lead = ada(languages=("es",), site="north")

    ladder = {"policy": replace(WITHOUT_POINTS, ladder=(LadderStep("drop_shadow", 0.0),))}

    assert broken([lead, learner], [work(**({"shadow": True} | fields))], [row("e1", **chosen)], **ladder) == rules


def test_nobody_learns_beside_themselves():
    both = ben(skills={"billing": 2}, max_stretch_minutes=60.0)

    assert "shadow" in broken([both, MENTOR], [work(shadow=True)], [row("e1", "ben", shadow="ben", **STRETCH)])


def test_the_minutes_of_a_learner_are_taken_one_contact_at_a_time():
    """Beside a lead who handles two chats at once the learner needs all 20 minutes; 10 more are 30, 11 more are not."""
    chat = [work("e1", shadow=True, channel="chat")]
    learner = ben(concurrency={"chat": 2.0})
    voice = (Forecast("voice", "voice", (), (30.0, 0.0, 0.0, 0.0)),)

    for minutes, rules in ((10.0, []), (11.0, ["capacity"])):
        kept = [Reservation("voice", "ben", 0, minutes)]
        assert broken([ada(), learner], chat, [row("e1", **PAIR)], forecast=voice, reserved=kept) == rules


CHATS = Forecast(
    "chats", "chat", (Requirement("chat", 2), Requirement("law", 5, preferred=True)), (20.0, 0.0, 0.0, 5.0)
)
KEEPER = ada(skills={"chat": 2}, concurrency={"chat": 2.0}, capacity=(30.0, 30.0, 30.0, 0.0))


@pytest.mark.parametrize(
    ("agent", "demand", "kept", "rules"),
    [
        (KEEPER, {}, [(0, 10.0)], []),
        (KEEPER, {}, [(0, 10.1)], ["reserve"]),
        (KEEPER, {}, [(0, 5.0), (0, 5.0)], ["reserve"]),
        (KEEPER, {}, [(0, -1.0)], ["reserve"]),
        (KEEPER, {}, [(0, 0.0)], []),
        (KEEPER, {}, [(3, 1.0)], ["reserve", "capacity"]),
        (replace(KEEPER, skills={"chat": 1}), {}, [(0, 1.0)], ["reserve"]),
        (replace(KEEPER, channels=("email",)), {}, [(0, 1.0)], ["reserve"]),
        (KEEPER, {"language": "es"}, [(0, 1.0)], ["reserve"]),
        (KEEPER, {"site": "north"}, [(0, 1.0)], ["reserve"]),
        (replace(KEEPER, site="north"), {"site": "north"}, [(0, 1.0)], []),
        (KEEPER, {"authority": ("refund",)}, [(0, 1.0)], ["reserve"]),
        (KEEPER, {"minutes": (80.0, 0.0, 0.0, 0.0)}, [(0, 30.0)], []),
        (KEEPER, {"minutes": (80.0, 0.0, 0.0, 0.0)}, [(0, 31.0)], ["capacity"]),
    ],
)
def test_minutes_kept_for_a_class(agent, demand, kept, rules):
    demands = (replace(CHATS, **demand),)
    reserved = [Reservation("chats", "ada", interval, minutes) for interval, minutes in kept]

    found = broken([agent], [], [], forecast=demands, reserved=reserved, policy=Policy(weights={}))

    assert found == rules


@pytest.mark.parametrize(
    ("bounds", "rules"),
    [
        ({"proactive_share_min": 0.25}, []),
        ({"proactive_share_min": 0.26}, ["share"]),
        ({"proactive_share_max": 0.25}, []),
        ({"proactive_share_max": 0.24}, ["share"]),
    ],
)
def test_share_of_proactive_minutes(bounds, rules):
    """10 of 40 minutes."""
    works = [work("e1", minutes=10.0, stance="proactive"), work("e2", minutes=30.0)]
    rows = [row("e1", minutes=10.0), row("e2", start=1, minutes=30.0)]

    assert broken([ada()], works, rows, policy=replace(WITHOUT_POINTS, **bounds)) == rules


def _was(identity: str, agent: str = "ada", start: int = 0) -> Placement:
    return Placement(identity, agent, start)


@pytest.mark.parametrize(
    ("asked", "start", "rules"),
    [
        ({"pins": (Pin("e1", "ada"),)}, 1, []),
        ({"pins": (Pin("e1", "ada", 1),)}, 1, []),
        ({"pins": (Pin("e1", "ada", 1),)}, 0, ["pin"]),
        ({"pins": (Pin("e1", "ben", 1),)}, 1, ["pin"]),
        ({"pins": (Pin("e2", "ada"),)}, 1, ["pin"]),
        ({"frozen_before": 1}, 1, []),
        ({"frozen_before": 1}, 0, ["frozen"]),
        ({"frozen_before": 1, "previous": (_was("e1"),)}, 0, []),
        ({"frozen_before": 1, "previous": (_was("e1"),)}, 1, ["frozen"]),
        ({"frozen_before": 1, "previous": (_was("e1", start=1),)}, 2, []),
        ({"frozen_before": 1, "previous": (_was("e1", start=1),)}, 0, ["frozen"]),
        ({"max_changes": 0, "previous": (_was("e1"),)}, 0, []),
        ({"max_changes": 0, "previous": (_was("e1"),)}, 1, ["changes"]),
        ({"max_changes": 1, "previous": (_was("e1"),)}, 1, []),
        ({"max_changes": 0, "previous": (_was("e1", "ben"),)}, 0, ["changes"]),
        ({"max_changes": 1, "previous": (_was("e1"), _was("e2"))}, 1, ["changes"]),
        ({"max_changes": 2, "previous": (_was("e1"), _was("e2"))}, 1, []),
    ],
)
def test_what_people_asked(asked, start, rules):
    assert broken([ada(), ben()], TWO, [row("e1", start=start)], **asked) == rules


def test_mandatory_work_is_assigned():
    assert broken([ada()], [work(must_assign=True)], []) == ["must"]
    assert broken([ada()], [work(must_assign=True)], [row("e1")]) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"rows": [row("e9")]},
        {"rows": [row("e1", "zoe")]},
        {"rows": [row("e1", shadow="zoe")]},
        {"rows": [row("e1", start=4)]},
        {"rows": [row("e1", start=-1)]},
        {"reserved": [Reservation("faxes", "ada", 0, 1.0)]},
        {"reserved": [Reservation("chats", "zoe", 0, 1.0)]},
        {"reserved": [Reservation("chats", "ada", 4, 1.0)]},
        {"growth": [Growth("zoe", 1.0, 0.0, 1.0)]},
    ],
)
def test_unknown_names_and_intervals(fields):
    rows = fields.pop("rows", [])

    assert broken([ada()], [work()], rows, forecast=(CHATS,), **fields) == ["reference"]
