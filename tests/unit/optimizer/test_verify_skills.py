"""The checker on skills, at their edge: levels, stretch, preferred skills, and who learns beside whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optimizer.plan import Reservation
from optimizer.policy import LadderStep
from optimizer.problem import Forecast, Requirement
from tests.factories.rules_at_the_edge import (
    BILLING,
    MENTOR,
    STRETCH,
    STRICT,
    WITHOUT_POINTS,
    ada,
    ben,
    broken,
    row,
    work,
)


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
