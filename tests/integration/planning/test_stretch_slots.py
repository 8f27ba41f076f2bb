"""Stretch slots: what agents may choose, who may refuse it, and what plans make of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer.verify import verify
from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent, Interest, Notice, Policy, Role, SitePolicy, SlotState, StretchSlot
from webapp.services.access import Permission
from webapp.services.planning import policies, stretch_choices, stretch_slots
from webapp.services.planning.day import day_of
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.problem import build_problem
from webapp.services.planning.staleness import check_freshness
from webapp.services.planning.store import load_plan
from webapp.services.planning.stretch_slots import SlotDraft
from webapp.services.planning.supply import slot_ranges

MINUTE = dt.timedelta(minutes=1)
HOUR = dt.timedelta(hours=1)
EARLY = AT_NINE - HOUR


@pytest.fixture
def ben(make: Make, day: Day):
    """Ben wants billing, where he has level 3, and some mail asks for 4; Ada, with 4, covers him."""
    make.record(day.ben, day.billing, 3, interest=Interest.GROW)
    make.record(day.ben, day.tech, 0, interest=Interest.GROW)
    make.engagement_type(name="Chargebacks", requires={day.billing: 4}, handle_minutes=20.0)
    return day.ben


@pytest.fixture
def choose(session: Session, make: Make, day: Day, ben):
    """Return a function by which Ben chooses minutes of his shift, counted from nine o'clock on."""

    def _choose(start: float = 0, end: float = 60, *, skill=None, at: dt.datetime = EARLY) -> StretchSlot:
        draft = SlotDraft(AT_NINE + start * MINUTE, AT_NINE + end * MINUTE, (skill or day.billing).id)
        return stretch_choices.choose_slot(session, ben, draft=draft, by=make.actor(ben, at=at))

    return _choose


def refused(choose, *span, **values) -> tuple[str | None, str]:
    with pytest.raises(InvalidInputError) as error:
        choose(*span, **values)
    return error.value.field, str(error.value)


class TestChoosing:
    def test_a_slot_is_kept_and_audited(self, session: Session, choose, ben) -> None:
        slot = choose(30, 90)

        assert (slot.state, slot.ends_at - slot.starts_at) == (SlotState.CHOSEN, HOUR)
        event = session.scalars(select(AuditEvent).where(AuditEvent.action == "choose_stretch_slot")).one()
        assert (event.person_id, event.subject_id, event.detail["skill_id"]) == (ben.id, slot.id, slot.skill_id)

    def test_the_same_choice_again_is_the_same_slot(self, session: Session, choose) -> None:
        assert choose() is choose()
        assert len(session.scalars(select(StretchSlot)).all()) == 1

    @pytest.mark.parametrize(
        ("span", "field", "words"),
        [
            ((-60, 0), "starts_at", "no shift"),
            ((240, 300), "starts_at", "no shift"),
            ((210, 270), "ends_at", "ends at 13:00"),
            ((60, 60), "ends_at", "after it begins"),
            ((60, 30), "ends_at", "after it begins"),
            ((10, 60), "starts_at", "quarter"),
            ((0, 50), "ends_at", "quarter"),
            ((0, 75), "ends_at", "At most 60 minutes"),
            ((15, 45), "ends_at", "steps of 30 minutes"),
            ((0, 60 * 25), "ends_at", "within one shift"),
        ],
    )
    def test_times_that_break_a_rule_are_refused_beside_their_field(self, choose, span, field, words) -> None:
        said = refused(choose, *span)

        assert said[0] == field
        assert words in said[1]

    def test_a_slot_may_begin_and_end_with_the_shift(self, choose) -> None:
        assert choose(180, 240).ends_at == AT_NINE + 4 * HOUR

    def test_overlapping_slots_are_refused_and_touching_ones_are_not(self, choose) -> None:
        choose(0, 30)

        assert refused(choose, 15, 45) == ("starts_at", "You chose Billing from 09:00 to 09:30 already.")
        assert choose(30, 60).state is SlotState.CHOSEN

    def test_the_minutes_of_a_shift_are_limited_over_all_its_slots(self, choose) -> None:
        choose(0, 30)

        assert refused(choose, 60, 105) == (
            "ends_at",
            "At most 60 minutes of a shift may be stretch; you have 30 left to choose.",
        )

    def test_the_limit_is_that_of_the_sites_policy(self, session: Session, make: Make, day: Day, choose) -> None:
        session.add(SitePolicy(site_id=day.site.id, policy_code="grow-people"))
        session.flush()
        assert stretch_slots.rules_of(session, day.site, TODAY).most_minutes == 120
        assert choose(0, 120)

        settings = {"planning": {"max_stretch_minutes": 0}}
        session.add(Policy(code="grow-people", number=9, name="None", settings=settings, created_at=NOW))
        session.flush()
        assert refused(choose, 180, 210) == ("ends_at", "Your site's policy leaves no time for stretch work.")

    def test_the_past_and_what_is_settled_cannot_be_chosen(self, choose) -> None:
        assert refused(choose, 0, 30, at=AT_NINE + MINUTE) == ("starts_at", "That time is over.")
        assert refused(choose, 0, 30, at=AT_NINE - 10 * MINUTE)[1].startswith("What begins before 09:05 is settled")
        assert choose(0, 30, at=AT_NINE - 15 * MINUTE)

    def test_only_a_skill_that_is_wanted_and_asked_for_one_level_up(
        self, session: Session, make: Make, day: Day, ben, choose
    ) -> None:
        law = make.skill(name="Law")
        make.record(ben, law, 2, interest=Interest.GROW)
        make.engagement_type(prefers={law: 3})
        make.engagement_type(requires={law: 4})
        offered = stretch_slots.list_growing_skills(session, ben, TODAY)

        assert [(each.skill.name, each.level, each.kinds) for each in offered] == [("Billing", 3, 1)]
        for skill in (law, day.tech):
            assert refused(choose, skill=skill)[0] == "skill_id"

    def test_a_retired_skill_or_one_at_the_highest_level_is_not_offered(
        self, session: Session, make: Make, day: Day
    ) -> None:
        make.engagement_type(requires={day.billing: 5})
        make.record(day.ada, day.billing, 5, interest=Interest.GROW)
        assert stretch_slots.list_growing_skills(session, day.ada, TODAY) == []

        eve = make.person()
        make.record(eve, day.billing, 4, interest=Interest.GROW)
        assert [each.level for each in stretch_slots.list_growing_skills(session, eve, TODAY)] == [4]
        day.billing.retired_at = NOW
        session.flush()
        assert stretch_slots.list_growing_skills(session, eve, TODAY) == []

    def test_somebody_who_is_away_then_chooses_another_time(self, make: Make, ben, choose) -> None:
        make.absence(ben, AT_NINE, AT_NINE + HOUR)

        assert refused(choose, 0, 60)[1] == "You are away or on a break for the whole of that time."

    def test_nobody_chooses_for_another(self, session: Session, make: Make, day: Day, ben) -> None:
        draft = SlotDraft(AT_NINE, AT_NINE + HOUR, day.billing.id)
        with pytest.raises(ForbiddenError):
            stretch_choices.choose_slot(session, ben, draft=draft, by=make.actor(day.scheduler, at=EARLY))

    def test_the_grid_holds_where_clocks_are_half_an_hour_off(self, session: Session, make: Make, day: Day) -> None:
        """In Calcutta a day begins at 18:30 UTC, and steps of half an hour begin at half past."""
        there = make.site(time_zone="Asia/Kolkata")
        zone = there.time_zone
        half_past = SlotDraft(AT_NINE + 30 * MINUTE, AT_NINE + HOUR, day.billing.id)

        assert stretch_slots.holds_step(half_past, zone=zone, step_minutes=30)
        assert not stretch_slots.holds_step(half_past, zone=zone, step_minutes=60)
        assert stretch_slots.holds_step(
            SlotDraft(AT_NINE + 30 * MINUTE, AT_NINE + 1.5 * HOUR, day.billing.id), zone=zone, step_minutes=60
        )


class TestTakingBack:
    def test_withdrawing_and_its_undo(self, session: Session, make: Make, ben, choose) -> None:
        slot, by = choose(), make.actor(ben, at=EARLY)

        assert stretch_choices.withdraw_slot(session, slot, by=by).state is SlotState.WITHDRAWN
        assert stretch_choices.withdraw_slot(session, slot, by=by).state is SlotState.WITHDRAWN
        assert stretch_choices.restore_slot(session, slot, by=by).state is SlotState.CHOSEN
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.subject_kind == "stretch_slot"))
        assert list(actions) == ["choose_stretch_slot", "withdraw_stretch_slot", "restore_stretch_slot"]

    def test_what_took_its_place_stands_against_the_undo(self, session: Session, make: Make, ben, choose) -> None:
        slot, by = choose(0, 30), make.actor(ben, at=EARLY)
        stretch_choices.withdraw_slot(session, slot, by=by)
        choose(15, 60)

        with pytest.raises(InvalidInputError, match="You chose Billing from 09:15"):
            stretch_choices.restore_slot(session, slot, by=by)

    def test_what_begins_at_once_stays(self, session: Session, make: Make, ben, choose) -> None:
        with pytest.raises(ConflictError, match="begins at once"):
            stretch_choices.withdraw_slot(session, choose(), by=make.actor(ben, at=AT_NINE - 10 * MINUTE))

    def test_nobody_withdraws_anothers(self, session: Session, make: Make, day: Day, choose) -> None:
        slot = choose()
        with pytest.raises(ForbiddenError):
            stretch_choices.withdraw_slot(session, slot, by=make.actor(day.ada, at=EARLY))
        with pytest.raises(NotFoundError):
            stretch_slots.get_own_slot(session, slot.id, person=day.ada)


class TestRefusing:
    def test_the_agent_is_told_why(self, session: Session, make: Make, day: Day, ben, choose) -> None:
        slot = stretch_choices.refuse_slot(
            session, choose(), reason=" Ada is away. ", by=make.actor(day.scheduler, at=EARLY)
        )

        assert (slot.state, slot.reason, slot.decided_by_id) == (SlotState.REFUSED, "Ada is away.", day.scheduler.id)
        notice = session.scalars(select(Notice).where(Notice.person_id == ben.id)).one()
        assert notice.text == "Your stretch slot in Billing on 23 Nov, 09:00–10:00, is refused: Ada is away."
        assert notice.link == f"/week?day={TODAY.isoformat()}"

    def test_a_refusal_needs_a_reason(self, session: Session, make: Make, day: Day, choose) -> None:
        slot, by = choose(), make.actor(day.scheduler, at=EARLY)
        for reason in (" ", "x" * 301):
            with pytest.raises(InvalidInputError) as error:
                stretch_choices.refuse_slot(session, slot, reason=reason, by=by)
            assert error.value.field == "reason"

    def test_what_has_begun_or_is_no_choice_any_more_is_not_refused(
        self, session: Session, make: Make, day: Day, ben, choose
    ) -> None:
        slot = choose()
        with pytest.raises(ConflictError, match="has begun"):
            stretch_choices.refuse_slot(session, slot, reason="No", by=make.actor(day.scheduler, at=AT_NINE))
        stretch_choices.withdraw_slot(session, slot, by=make.actor(ben, at=EARLY))
        with pytest.raises(ConflictError, match="withdrawn already"):
            stretch_choices.refuse_slot(session, slot, reason="No", by=make.actor(day.scheduler, at=EARLY))

    def test_a_refusal_can_be_taken_back_where_the_slot_still_fits(
        self, session: Session, make: Make, day: Day, ben, choose
    ) -> None:
        by = make.actor(day.scheduler, at=EARLY)
        slot = stretch_choices.refuse_slot(session, choose(0, 60), reason="No", by=by)
        assert stretch_choices.allow_slot(session, slot, by=by).state is SlotState.CHOSEN
        texts = session.scalars(select(Notice.text).where(Notice.person_id == ben.id)).all()
        assert texts[-1].endswith("stands again.")

        stretch_choices.refuse_slot(session, slot, reason="No", by=by)
        choose(30, 60)
        with pytest.raises(ConflictError, match="no place any more"):
            stretch_choices.allow_slot(session, slot, by=by)

    def test_a_refused_slot_is_the_schedulers_to_give_back(
        self, session: Session, make: Make, day: Day, ben, choose
    ) -> None:
        slot = stretch_choices.refuse_slot(session, choose(), reason="No", by=make.actor(day.scheduler, at=EARLY))
        for command in (stretch_choices.withdraw_slot, stretch_choices.restore_slot):
            with pytest.raises(ConflictError, match="refused"):
                command(session, slot, by=make.actor(ben, at=EARLY))

    def test_leads_see_their_teams_slots_and_others_none(self, session: Session, make: Make, day: Day, ben, choose):
        team, other = make.team(), make.team()
        ben.team_id = team.id
        lead = make.viewer(make.person(roles=[Role.LEAD], leads=[team]))
        stranger = make.viewer(make.person(roles=[Role.LEAD], leads=[other]))
        slot = choose()

        assert stretch_slots.list_site_slots(session, day.site, TODAY, viewer=lead) == [slot]
        assert stretch_slots.list_site_slots(session, day.site, TODAY, viewer=stranger) == []
        assert stretch_slots.list_site_slots(session, day.site, TODAY + dt.timedelta(days=1), viewer=lead) == []
        with pytest.raises(NotFoundError):
            stretch_slots.get_slot(session, slot.id, viewer=stranger, permission=Permission.VIEW_ROSTER)
        with pytest.raises(NotFoundError):
            stretch_slots.get_slot(session, slot.id, viewer=lead, permission=Permission.EDIT_ROSTER)


class TestPlans:
    @pytest.fixture
    def chargebacks(self, make: Make, day: Day, ben) -> list:
        """Three pieces of 20 minutes that ask for billing at 4; Ada cannot do them all beside what else she does."""
        kind = make.engagement_type(name="Hard refunds", requires={day.billing: 4}, handle_minutes=20.0, value=90.0)
        window: dict[str, Any] = {"earliest_at": AT_NINE, "due_at": AT_NINE + 4 * HOUR}
        make.absence(day.ada, AT_NINE + 3.5 * HOUR, AT_NINE + 4 * HOUR)
        return [make.engagement(kind, external_id=f"hard-{number}", owner_id=ben.id, **window) for number in range(2)]

    def test_the_problem_holds_what_was_chosen(self, session: Session, make: Make, day: Day, ben, choose) -> None:
        choose(60, 90)
        policies.ensure_presets(session, by=make.actor())
        built = build_problem(
            session, day.site, TODAY, policy=policies.get_policy(session, "default"), interval_minutes=30, today=TODAY
        )

        slots = {int(agent.id): agent.stretch_slots for agent in built.problem.agents}
        assert [(each.start, each.end, each.skill) for each in slots[ben.id]] == [(2, 3, str(day.billing.id))]
        assert slots[day.ada.id] == ()

    def test_stretch_work_lies_in_the_slot_and_the_agent_reads_so(
        self, session: Session, day: Day, ben, chargebacks, choose, solve_day
    ) -> None:
        slot = choose(120, 180)

        plan = solve_day()

        loaded = load_plan(session, plan)
        assert verify(loaded.problem, loaded.answer) == ()
        stretched = [each for each in loaded.answer.assignments if each.stretch is not None]
        assert stretched
        for each in stretched:
            start = loaded.horizon.start_of(each.start)
            assert slot.starts_at <= start
            assert start + each.minutes * MINUTE <= slot.ends_at
        plan.state = "published"
        session.flush()
        said = [" ".join(work.why) for work in day_of(session, ben, TODAY).work if work.stretch_skill_id]
        assert said
        assert all("in the slot that you chose for it" in each for each in said)

    def test_a_refused_or_withdrawn_slot_binds_nothing(
        self, session: Session, make: Make, day: Day, ben, choose
    ) -> None:
        stretch_choices.refuse_slot(session, choose(0, 30), reason="No", by=make.actor(day.scheduler, at=EARLY))
        stretch_choices.withdraw_slot(session, choose(30, 60), by=make.actor(ben, at=EARLY))

        assert stretch_slots.list_slots(session, [ben.id], AT_NINE, AT_NINE + 4 * HOUR) == []

    def test_choosing_and_withdrawing_make_a_plan_stale(
        self, session: Session, make: Make, ben, chargebacks, choose, solve_day
    ) -> None:
        plan = solve_day()
        assert check_freshness(session, plan, today=TODAY).fresh

        slot = choose(60, 120)
        told = check_freshness(session, plan, today=TODAY).changes
        assert [(each.subject, each.text) for each in told] == [
            ("Ben Okri", "chose other times for stretch work: Billing.")
        ]

        stretch_choices.withdraw_slot(session, slot, by=make.actor(ben, at=EARLY))
        assert check_freshness(session, plan, today=TODAY).fresh

    def test_taking_the_only_slot_back_is_a_change_too(
        self, session: Session, make: Make, ben, chargebacks, choose, solve_day
    ) -> None:
        slot = choose(60, 120)
        plan = solve_day()
        stretch_choices.withdraw_slot(session, slot, by=make.actor(ben, at=EARLY))

        told = check_freshness(session, plan, today=TODAY).changes

        assert [each.text for each in told] == ["chose no times for stretch work any more."]


class TestIntervals:
    HORIZON = Horizon(AT_NINE, 30, 8)

    @pytest.mark.parametrize(
        ("span", "intervals"),
        [
            ((0, 60), (0, 2)),
            ((15, 60), (1, 2)),
            ((0, 45), (0, 1)),
            ((15, 45), (0, 0)),
            ((75, 90), (2, 2)),
            ((-60, 30), (0, 1)),
            ((210, 300), (7, 8)),
            ((225, 240), (7, 7)),
        ],
    )
    def test_a_slot_becomes_the_whole_intervals_within_it(self, span, intervals) -> None:
        slot = StretchSlot(starts_at=AT_NINE + span[0] * MINUTE, ends_at=AT_NINE + span[1] * MINUTE, skill_id=3)

        assert [(each.start, each.end, each.skill) for each in slot_ranges([slot], self.HORIZON)] == [(*intervals, "3")]

    def test_what_begins_after_the_horizon_is_none_of_its(self) -> None:
        slot = StretchSlot(starts_at=AT_NINE + 4 * HOUR, ends_at=AT_NINE + 5 * HOUR, skill_id=3)

        assert slot_ranges([slot], self.HORIZON) == ()
