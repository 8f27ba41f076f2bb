"""A scenario asks about the day as it might be, keeps what came out apart from the live data, and can be made so."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from optimizer import solve
from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import Absence, AbsenceKind, AuditEvent, ForecastInterval, Plan, PlanRun, Role, Scenario
from webapp.services import absences
from webapp.services.planning import policies, publish, runs, scenarios
from webapp.services.planning.problem import build_problem
from webapp.services.planning.what_if import (
    Away,
    Change,
    Closed,
    Extra,
    NewLevel,
    Surge,
    WhatIf,
    check,
    from_json,
    to_json,
)

HOUR = dt.timedelta(hours=1)
BEFORE = AT_NINE - HOUR


@pytest.fixture
def build(session: Session, make: Make, day: Day):
    """Return a function that builds the small day's problem under some changes."""
    policies.ensure_presets(session, by=make.actor())
    policy = policies.get_policy(session, "default")

    def _build(*changes: Change):
        return build_problem(
            session,
            day.site,
            TODAY,
            policy=policy,
            interval_minutes=30,
            today=TODAY,
            what_if=WhatIf(tuple(changes)),
        )

    return _build


@pytest.fixture
def scenario(session: Session, make: Make, day: Day) -> Scenario:
    by = make.actor(day.scheduler, at=BEFORE)
    return scenarios.add_scenario(
        session, day.site, TODAY, request=scenarios.ScenarioRequest("Ada is ill", seconds=20), by=by
    )


@pytest.fixture
def try_it(session: Session, make: Make, day: Day):
    """Return a function that solves a scenario in this process."""

    def _try(found: Scenario) -> None:
        built = scenarios.prepare(session, found, today=TODAY)
        answer = runs.checked(built.problem, solve(built.problem))
        scenarios.finish(session, found, built, answer, by=make.actor(day.scheduler, at=BEFORE))

    return _try


def apply_for_real(session: Session, make: Make, day: Day, changes: list[Change]) -> None:
    """Write into the database what changes only suppose."""
    for change in changes:
        if isinstance(change, Away):
            person = day.ada if change.person_id == day.ada.id else day.ben
            # Of several kinds, because absences of one kind may not overlap; planning counts them once all the same.
            session.add(
                Absence(
                    person_id=person.id,
                    starts_at=change.starts_at,
                    ends_at=change.ends_at,
                    kind=AbsenceKind.SICK,
                )
            )
        rows = session.scalars(select(ForecastInterval).order_by(ForecastInterval.starts_at)).all()
        if isinstance(change, Surge):
            inside = [row for row in rows if change.starts_at <= row.starts_at < change.ends_at]
            for row in inside:
                row.volume *= 1 + change.percent / 100
                row.minutes *= 1 + change.percent / 100
        if isinstance(change, Closed):
            for row in rows:
                if row.starts_at >= change.starts_at:
                    session.delete(row)
        session.flush()
        session.expire_all()


def random_changes(day: Day, chance: random.Random) -> list[Change]:
    found: list[Change] = []
    for _ in range(chance.randint(1, 4)):
        starts_at = AT_NINE + chance.randint(-2, 20) * dt.timedelta(minutes=10)
        ends_at = starts_at + chance.randint(1, 20) * dt.timedelta(minutes=10)
        if chance.random() < 0.5:
            found.append(Away(chance.choice([day.ada.id, day.ben.id]), starts_at, ends_at))
        else:
            found.append(Surge(day.calls.id, starts_at, ends_at, percent=float(chance.randint(-80, 300))))
    if chance.random() < 0.3:
        found.append(Closed("voice", AT_NINE + chance.randint(1, 3) * HOUR))
    return found


class TestTheProblem:
    def test_without_changes_it_is_the_live_one(self, session: Session, build, scenario: Scenario) -> None:
        assert scenarios.prepare(session, scenario, today=TODAY).digest == build().digest

    @pytest.mark.parametrize("seed", range(10))
    def test_changes_do_what_the_same_facts_do(self, session, make, day: Day, build, seed: int) -> None:
        changes = random_changes(day, random.Random(seed))
        plain, supposed = build().digest, build(*changes).digest

        with session.begin_nested() as nested:
            apply_for_real(session, make, day, changes)
            real = build().digest
            nested.rollback()

        session.expire_all()
        assert supposed == real
        assert build().digest == plain

    def test_a_new_level_reaches_the_agent_and_makes_a_mentor(self, day: Day, build) -> None:
        agents = {each.id: each for each in build(NewLevel(day.ben.id, day.tech.id, 4)).problem.agents}

        assert agents[str(day.ben.id)].skills == {str(day.billing.id): 3, str(day.tech.id): 4}
        assert agents[str(day.ben.id)].mentor_for == (str(day.tech.id),)

    def test_a_new_level_is_what_a_record_of_it_would_be(self, session, make: Make, day: Day, build) -> None:
        supposed = build(NewLevel(day.ben.id, day.tech.id, 4)).digest

        make.record(day.ben, day.tech, 4)

        assert build().digest == supposed

    def test_one_more_agent_can_do_what_another_can_in_their_time(self, day: Day, build) -> None:
        extra = Extra(day.ada.id, AT_NINE + HOUR, AT_NINE + 2 * HOUR)

        agents = {each.id: each for each in build(extra).problem.agents}

        assert len(agents) == 3
        assert agents["-1"].skills == agents[str(day.ada.id)].skills
        assert agents["-1"].capacity == (0.0, 0.0, 27.0, 27.0, 0.0, 0.0, 0.0, 0.0)
        assert agents["-1"].shifts == ((2, 4),)

    def test_minutes_of_a_surge_are_spread_over_its_window(self, day: Day, build) -> None:
        def minutes(*changes: Change) -> float:
            return sum(sum(each.minutes) for each in build(*changes).problem.forecast)

        surge = Surge(day.calls.id, AT_NINE, AT_NINE + 2 * HOUR, minutes=60.0)

        assert minutes(surge) == pytest.approx(minutes() + 60.0, abs=0.01)

    def test_what_waits_cannot_begin_after_its_channel_closed(self, day: Day, build) -> None:
        mail = {str(each.id) for each in day.easy}

        found = {each.id: each for each in build(Closed("email", AT_NINE + HOUR)).problem.engagements}

        assert {found[key].latest for key in mail} == {1}
        nothing = build(Closed("email", AT_NINE - HOUR)).problem.engagements
        assert not mail & {each.id for each in nothing}

    def test_changes_are_read_as_they_were_kept(self, day: Day) -> None:
        changes = (
            Away(day.ada.id, AT_NINE, AT_NINE + HOUR),
            Surge(day.calls.id, AT_NINE, AT_NINE + HOUR, 20.0, 5.0),
            NewLevel(day.ben.id, day.tech.id, 3),
            Extra(day.ada.id, AT_NINE, AT_NINE + HOUR),
            Closed("voice", AT_NINE),
        )

        assert from_json(to_json(changes)).changes == changes

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            (Away(1, AT_NINE, AT_NINE), "ends_at"),
            (Surge(1, AT_NINE, AT_NINE + HOUR, percent=-101.0), "percent"),
            (Surge(1, AT_NINE, AT_NINE + HOUR), "percent"),
            (Surge(1, AT_NINE, AT_NINE + HOUR, minutes=-1.0), "minutes"),
            (NewLevel(1, 1, 6), "level"),
            (Closed("telepathy", AT_NINE), "channel"),
        ],
    )
    def test_what_breaks_a_rule_names_its_field(self, change: Change, field: str) -> None:
        with pytest.raises(InvalidInputError) as caught:
            check(change)

        assert caught.value.field == field


class TestScenarios:
    def add(self, session: Session, make: Make, day: Day, scenario: Scenario, change: Change) -> None:
        scenarios.add_change(session, scenario, change, viewer=make.viewer(day.scheduler), by=make.actor(day.scheduler))

    def test_it_leaves_the_live_data_alone(self, session, make: Make, day: Day, scenario, try_it) -> None:
        self.add(session, make, day, scenario, Away(day.ada.id, AT_NINE, AT_NINE + 4 * HOUR))

        try_it(scenario)

        problem, answer = scenarios.load(scenario)
        assert not any(next(each for each in problem.agents if each.id == str(day.ada.id)).capacity)
        assert {chosen.agent for chosen in answer.assignments} == {str(day.ben.id)}
        counts = [session.scalar(select(func.count()).select_from(model)) for model in (Absence, PlanRun, Plan)]
        assert counts == [0, 0, 0]

    def test_it_is_stale_once_live_inputs_changed(self, session, make: Make, day: Day, scenario, try_it) -> None:
        assert not scenarios.check_standing(session, scenario, today=TODAY).stale
        try_it(scenario)
        assert not scenarios.check_standing(session, scenario, today=TODAY).stale

        make.absence(day.ben, AT_NINE, AT_NINE + HOUR)

        standing = scenarios.check_standing(session, scenario, today=TODAY)
        assert standing.changes == ("Ben Okri has 162 min to plan, was 216 min.",)

    def test_it_is_stale_once_a_plan_is_published(self, session, make, day: Day, scenario, try_it, solve_day) -> None:
        try_it(scenario)

        publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler, at=BEFORE))

        assert (
            "Another plan of the day is published." in scenarios.check_standing(session, scenario, today=TODAY).changes
        )

    def test_its_own_changes_make_it_stale(self, session, make: Make, day: Day, scenario, try_it) -> None:
        try_it(scenario)

        self.add(session, make, day, scenario, Extra(day.ada.id, AT_NINE, AT_NINE + HOUR))

        assert scenarios.check_standing(session, scenario, today=TODAY).stale

    def test_each_change_is_told_in_words(self, session, make: Make, day: Day, scenario: Scenario) -> None:
        self.add(session, make, day, scenario, Away(day.ada.id, AT_NINE, AT_NINE + HOUR))
        self.add(session, make, day, scenario, Surge(day.calls.id, AT_NINE, AT_NINE + HOUR, percent=30.0))
        self.add(session, make, day, scenario, NewLevel(day.ben.id, day.tech.id, 3))
        self.add(session, make, day, scenario, Extra(day.ben.id, AT_NINE, AT_NINE + HOUR))
        self.add(session, make, day, scenario, Closed("email", AT_NINE + HOUR))

        assert scenarios.describe(session, scenario) == [
            "Ada Byron is away from 09:00 to 10:00",
            "Router calls: +30 % from 09:00 to 10:00",
            "Ben Okri has Router at level 3",
            "One more agent like Ben Okri, 09:00 to 10:00",
            "Email is closed from 10:00 on",
        ]

    def test_nobody_of_another_site_can_be_away_or_lent_unseen(self, session, make, day: Day, scenario) -> None:
        other = make.person(name="Zoe", site=make.site(code="porto", name="Porto"))
        bound = make.person(name="Bo", roles=[Role.SCHEDULER], serves=[day.site], is_agent=False)

        for change in (
            Away(other.id, AT_NINE, AT_NINE + HOUR),
            NewLevel(other.id, day.tech.id, 3),
            Extra(other.id, AT_NINE, AT_NINE + HOUR),
        ):
            with pytest.raises(InvalidInputError) as caught:
                scenarios.add_change(session, scenario, change, viewer=make.viewer(bound), by=make.actor(bound))
            assert caught.value.field == "person"

    def test_a_copy_has_the_changes_and_no_result(self, session, make: Make, day: Day, scenario, try_it) -> None:
        self.add(session, make, day, scenario, Away(day.ada.id, AT_NINE, AT_NINE + HOUR))
        try_it(scenario)

        copy = scenarios.duplicate(session, scenario, by=make.actor(day.scheduler))

        assert (copy.changes, copy.answer, copy.name) == (scenario.changes, None, "Ada is ill, copy")

    def test_only_who_sees_the_sites_plans_finds_it(self, session, make: Make, day: Day, scenario) -> None:
        session.flush()
        stranger = make.person(roles=[Role.SCHEDULER], site=make.site(code="porto", name="Porto"))

        assert scenarios.get_scenario(session, scenario.id, viewer=make.viewer(day.scheduler)) is scenario
        with pytest.raises(NotFoundError):
            scenarios.get_scenario(session, scenario.id, viewer=make.viewer(stranger))

    def test_the_trail_names_nobody_whom_a_what_if_is_about(self, session, make: Make, day: Day, scenario) -> None:
        self.add(session, make, day, scenario, Away(day.ada.id, AT_NINE, AT_NINE + HOUR))

        event = session.scalar(select(AuditEvent).where(AuditEvent.action == "change_scenario"))
        assert event is not None
        assert event.detail == {"changes": ["away"]}
        assert event.person_id is None


class TestMakingItSo:
    @pytest.fixture
    def tried(self, session: Session, make: Make, day: Day, scenario: Scenario) -> Scenario:
        for change in (
            Away(day.ada.id, AT_NINE, AT_NINE + HOUR),
            Surge(day.calls.id, AT_NINE, AT_NINE + HOUR, percent=30.0),
        ):
            by = make.actor(day.scheduler, at=BEFORE)
            scenarios.add_change(session, scenario, change, viewer=make.viewer(day.scheduler), by=by)
        return scenario

    def make_so(self, session: Session, make: Make, day: Day, scenario: Scenario) -> PlanRun:
        by = make.actor(day.scheduler, at=BEFORE)
        return scenarios.make_so(session, scenario, kind=AbsenceKind.SICK, viewer=make.viewer(day.scheduler), by=by)

    def test_the_preview_says_what_is_done_and_what_is_not(self, session, tried: Scenario) -> None:
        making = scenarios.preview_making(session, tried)

        assert making.done[0] == "Ada Byron is away from 09:00 to 10:00: an absence is noted."
        assert making.left == ("Router calls: +30 % from 09:00 to 10:00.",)

    def test_absences_are_noted_and_the_day_is_planned_again(self, session, make, day: Day, tried: Scenario) -> None:
        run = self.make_so(session, make, day, tried)

        absence = session.scalars(select(Absence)).one()
        assert (absence.person_id, absence.kind) == (day.ada.id, AbsenceKind.SICK)
        assert run.job is not None
        assert run.policy.code == "default"
        event = session.scalar(select(AuditEvent).where(AuditEvent.action == "make_scenario_so"))
        assert event is not None
        assert event.detail == {"absences": [absence.id], "run_id": run.id}

    def test_it_is_made_so_once(self, session, make: Make, day: Day, tried: Scenario) -> None:
        self.make_so(session, make, day, tried)

        with pytest.raises(ConflictError):
            self.make_so(session, make, day, tried)

    def test_what_is_noted_already_is_told(self, session, make: Make, day: Day, tried: Scenario) -> None:
        draft = absences.AbsenceDraft(AT_NINE, AT_NINE + HOUR, AbsenceKind.SICK)
        absences.add_absence(session, day.ada, draft=draft, by=make.actor(at=NOW))

        with pytest.raises(InvalidInputError):
            self.make_so(session, make, day, tried)
