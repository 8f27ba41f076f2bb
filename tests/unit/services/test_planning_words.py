"""Causes, fixes, obstacles and reasons in words: every code has a sentence, with names and without."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from optimizer.plan import Assignment, Cause, CauseCode, Certainty, Fix, FixCode, Plan, Status
from optimizer.problem import Agent, Engagement, Pin, Problem, Requirement
from optimizer.sentences import Obstacle, ObstacleCode
from optimizer.verify import Violation
from webapp.services.planning.causes import CAUSE_NAMES, cause_words, fix_words
from webapp.services.planning.explanations import obstacle_words
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.names import Names
from webapp.services.planning.reasons import explain_assignments
from webapp.services.planning.words import STATUS_WORDS, status_words, term_words, violation_words

NINE = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
HORIZON = Horizon(NINE, 30, 2)
TIMES = ("09:00", "09:30")
NAMES = Names(
    agents={"1": "Ada", "2": "Ben", "3": "Cem", "4": "Dot"},
    engagements={"1": "e-1"},
    classes={"1": "Calls"},
    skills={"1": "Billing", "2": "Tone"},
)


class TestCauses:
    @pytest.mark.parametrize("code", CauseCode)
    def test_every_cause_has_a_short_name_and_a_sentence(self, code: CauseCode) -> None:
        bare = cause_words(Cause(code), NAMES)
        full = cause_words(
            Cause(code, skill="1", level=3, agents=("1", "2"), engagements=("1",), classes=("1",)), NAMES
        )

        assert CAUSE_NAMES[code]
        for said in (bare, full):
            assert said.endswith(".")
            assert "{" not in said
        assert "None" not in full

    def test_ids_of_different_kinds_are_told_apart(self) -> None:
        said = cause_words(Cause(CauseCode.SOLD, agents=("1",), engagements=("1",), classes=("1",)), NAMES)

        assert said == "The time of Ada went to work of more value: e-1 and Calls."

    def test_many_people_are_summed_up(self) -> None:
        said = cause_words(Cause(CauseCode.NO_SKILL, skill="1", level=5, agents=("1", "2", "3", "4")), NAMES)

        assert said == "Nobody has Billing at level 5. Nearest: Ada, Ben, Cem and 1 more."

    @pytest.mark.parametrize("code", FixCode)
    def test_every_fix_has_a_sentence(self, code: FixCode) -> None:
        for fix in (Fix(code), Fix(code, agent="1", skill="1", level=3, interval=1, minutes=12.4, gain=7.6)):
            said = fix_words(fix, NAMES, HORIZON, TIMES)
            assert said.endswith(".")
            assert "{" not in said

    def test_a_fix_names_the_time_and_the_gain(self) -> None:
        fix = Fix(FixCode.ADD_MINUTES, agent="1", interval=1, minutes=12.4, gain=7.6)

        assert fix_words(fix, NAMES, HORIZON, TIMES) == "Give Ada 13 more minutes from 09:30. Worth about 8 points."

    def test_a_fix_names_all_that_goes_with_it_and_a_certain_gain(self) -> None:
        share = Fix(FixCode.RAISE_LIMIT, limit="proactive_share_max", limit_to=0.25)
        fix = Fix(FixCode.OPEN_CHANNEL, agent="1", gain=7.6, gain_is=Certainty.CERTAIN, also=(share,))

        assert fix_words(fix, NAMES, HORIZON, TIMES) == (
            "Let Ada take this channel. Let proactive work have 25.0% of the minutes. Worth at least 8 points."
        )


class TestObstacles:
    @pytest.mark.parametrize("code", ObstacleCode)
    def test_every_obstacle_has_words(self, code: ObstacleCode) -> None:
        bare = obstacle_words(Obstacle(code), NAMES, TIMES.__getitem__)
        full = obstacle_words(
            Obstacle(code, skill="1", level=3, has=1, name="1", first=0, last=1), NAMES, TIMES.__getitem__
        )

        assert bare
        assert "{" not in full


class TestHorizon:
    def test_moments_and_intervals_match(self) -> None:
        assert HORIZON.ends_at == NINE + dt.timedelta(hours=1)
        assert [HORIZON.index_of(moment) for moment in HORIZON.starts()] == [0, 1]
        assert HORIZON.index_of(NINE - dt.timedelta(minutes=1)) == -1
        assert HORIZON.index_from(NINE + dt.timedelta(minutes=1)) == 1
        assert HORIZON.holds(NINE)
        assert not HORIZON.holds(HORIZON.ends_at)


class TestWords:
    def test_every_status_has_words_and_an_unknown_one_stands_for_itself(self) -> None:
        assert {str(status) for status in Status} == set(STATUS_WORDS)
        assert (status_words(None), status_words("odd"), term_words("odd")) == ("Not finished", "odd", "odd")

    def test_a_broken_rule_names_whom_it_is_about(self) -> None:
        assert violation_words(Violation("skill", "No.", engagement="1", agent="2"), NAMES) == "e-1, Ben: No."
        assert violation_words(Violation("bound", "No."), NAMES) == "No."


class TestReasons:
    @pytest.fixture
    def problem(self) -> Problem:
        """Ada has both skills and knows the customer; Ben wants to grow in billing and Ada can help him."""
        requires = (Requirement("1", 3), Requirement("2", 2, preferred=True))
        engagement: dict[str, Any] = {
            "minutes": 10.0,
            "channel": "email",
            "earliest": 0,
            "due": 1,
            "latest": 1,
            "priority": 3,
            "value": 5.0,
        }
        return Problem(
            start=NINE,
            interval_minutes=30,
            intervals=2,
            agents=(
                Agent("1", {"1": 4, "2": 3}, (30.0, 30.0), mentor_for=("1",)),
                Agent("2", {"1": 2}, (30.0, 30.0), wants=("1",), max_stretch_minutes=60.0),
            ),
            engagements=(
                Engagement("1", requires=requires, known_agents=("1",), **engagement),
                Engagement("2", requires=requires, **engagement),
                Engagement("3", requires=(), **engagement),
                Engagement("4", requires=(Requirement("2", 2, preferred=True),), **engagement),
            ),
            pins=(Pin("1", "1", 0),),
        )

    def test_an_agent_reads_what_of_theirs_it_uses_and_what_it_does_for_them(self, problem: Problem) -> None:
        plan = Plan(
            Status.FEASIBLE,
            objective=0.0,
            assignments=(
                Assignment("1", "1", 0, 10.0, 1.0, terms={"practice": 5.0}),
                Assignment("2", "2", 0, 10.0, 1.0, stretch="1"),
                Assignment("3", "2", 1, 10.0, 1.0),
                Assignment("4", "1", 1, 10.0, 1.0),
            ),
        )

        said = explain_assignments(problem, plan, NAMES)

        assert said["1"] == (
            "Your scheduler chose you for it.",
            "It uses your Billing (your level 4, needed 3), and Tone helps.",
            "This customer knows you.",
            "It keeps a skill in practice whose evidence is about to lapse.",
            "Nobody else on shift that day has what it needs.",
        )
        assert said["2"] == ("It stretches you in Billing to level 3, which you said you want to grow. Ada can help.",)
        assert said["3"] == ("It needs no particular skill, and you have the time.",)
        assert said["4"] == ("It needs no particular skill; your Tone helps.",)
