"""Engagements: finding them within one's sites, the rules of their windows, and their states."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest

from tests.factories import NOW
from tests.factories.plans import assign, draft_plan, publish
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import (
    AssignmentResponse,
    Channel,
    EngagementState,
    Notice,
    PlanState,
    Response,
    Role,
    Stance,
    Unassigned,
)
from webapp.services import audit, engagements, lifecycle, zones
from webapp.services.access import Permission
from webapp.services.engagements import EngagementDraft, EngagementFilter

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def scheduler(make):
    return make.viewer(make.person(roles=[Role.SCHEDULER], site=make.home))


@pytest.fixture
def draft(make):
    return EngagementDraft(
        type_id=make.engagement_type(code="plain").id,
        earliest_at=NOW,
        due_at=NOW + HOUR,
        latest_at=NOW + 2 * HOUR,
        customer_key="K-1",
    )


def planned(make, engagement, person, *, answer=None):
    """Put an engagement into a published plan of today."""
    plan = draft_plan(make)
    assignment = assign(make, plan, engagement, person)
    publish(make, plan)
    if answer is not None:
        make.session.add(AssignmentResponse(assignment_id=assignment.id, response=answer, at=NOW))
        make.session.flush()


def listed(make, viewer, **narrow):
    return engagements.list_engagements(make.session, viewer=viewer, wanted=EngagementFilter(**narrow))


def test_a_new_engagement_is_open_and_has_a_reference(make, draft):
    added = engagements.create_engagement(make.session, site=make.home, draft=draft, by=make.actor())

    assert added.state is EngagementState.CLASSIFIED
    assert added.external_id.startswith("M-")
    assert [event.action for event in audit.history(make.session, added)] == ["add_engagement"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("type_id", {"type_id": 999}),
        ("due_at", {"due_at": NOW - HOUR}),
        ("latest_at", {"latest_at": NOW + 0.5 * HOUR}),
        ("latest_at", {"latest_at": NOW + dt.timedelta(days=367)}),
        ("priority", {"priority": 0}),
        ("priority", {"priority": 6}),
        ("minutes", {"minutes": 0.0}),
        ("minutes", {"minutes": 1441.0}),
        ("customer_key", {"customer_key": "k" * 81}),
        ("subject", {"subject": "s" * 201}),
        ("external_id", {"external_id": "e" * 81}),
        ("owner_id", {"owner_id": 999}),
    ],
)
def test_a_draft_that_breaks_a_rule_is_refused_beside_its_field(make, draft, field, change):
    with pytest.raises(InvalidInputError) as refused:
        engagements.create_engagement(
            make.session, site=make.home, draft=dataclasses.replace(draft, **change), by=make.actor()
        )

    assert refused.value.field == field


def test_live_and_retired_types_take_no_engagements(make, draft):
    live, retired = make.engagement_type(channel=Channel.CHAT), make.engagement_type(active=False)

    for kind in (live, retired):
        with pytest.raises(InvalidInputError) as refused:
            engagements.create_engagement(
                make.session, site=make.home, draft=dataclasses.replace(draft, type_id=kind.id), by=make.actor()
            )
        assert refused.value.field == "type_id"
    assert [kind.code for kind in engagements.list_type_choices(make.session)] == ["plain"]


def test_a_reference_is_used_once(make, draft):
    make.engagement(external_id="C-7")

    with pytest.raises(InvalidInputError, match="'C-7' already"):
        engagements.create_engagement(
            make.session, site=make.home, draft=dataclasses.replace(draft, external_id="C-7"), by=make.actor()
        )


def test_the_case_owner_is_an_active_agent_of_the_site(make, draft):
    owner, elsewhere = make.person(name="Ada"), make.person(site=make.site())
    make.person(active=False)
    make.person(roles=[Role.SCHEDULER])

    added = engagements.create_engagement(
        make.session, site=make.home, draft=dataclasses.replace(draft, owner_id=owner.id), by=make.actor()
    )

    assert added.owner_id == owner.id
    assert engagements.list_owner_choices(make.session, make.home) == [owner]
    with pytest.raises(InvalidInputError):
        engagements.create_engagement(
            make.session, site=make.home, draft=dataclasses.replace(draft, owner_id=elsewhere.id), by=make.actor()
        )


def test_an_owner_who_has_left_is_kept_until_somebody_else_is_chosen(make, draft):
    gone = make.person(active=False)
    engagement = make.engagement(owner_id=gone.id)

    engagements.update_engagement(
        make.session,
        engagement,
        draft=dataclasses.replace(draft, owner_id=gone.id, type_id=engagement.engagement_type_id),
        version=engagement.version,
        seen={},
        by=make.actor(),
    )

    assert engagement.owner_id == gone.id
    assert gone in engagements.list_owner_choices(make.session, make.home, keep=gone.id)


def test_the_trail_says_that_a_subject_changed_but_not_what_it_says(make, draft):
    engagement = engagements.create_engagement(make.session, site=make.home, draft=draft, by=make.actor())

    engagements.update_engagement(
        make.session,
        engagement,
        draft=dataclasses.replace(draft, subject="About Mr Quill", priority=5),
        version=engagement.version,
        seen={},
        by=make.actor(),
    )

    newest = audit.history(make.session, engagement)[0]
    assert newest.action == "edit_engagement"
    assert newest.detail == {"priority": [3, 5], "subject": True}


def test_whoever_saves_second_sees_what_changed(make, draft):
    engagement = engagements.create_engagement(make.session, site=make.home, draft=draft, by=make.actor())
    version, seen = engagement.version, engagements.describe_engagement(engagement)
    urgent = dataclasses.replace(draft, priority=5)
    engagements.update_engagement(make.session, engagement, draft=urgent, version=version, seen=seen, by=make.actor())

    with pytest.raises(ConflictError) as lost:
        engagements.update_engagement(
            make.session, engagement, draft=draft, version=version, seen=seen, by=make.actor()
        )

    assert lost.value.changes == {"Priority": ("3", "5")}


@pytest.mark.parametrize("state", sorted(lifecycle.ENDED))
def test_an_ended_engagement_is_not_changed(make, draft, state):
    engagement = make.engagement(state=state)

    with pytest.raises(ConflictError, match=state.value):
        engagements.update_engagement(
            make.session, engagement, draft=draft, version=engagement.version, seen={}, by=make.actor()
        )


@pytest.mark.parametrize("end", [engagements.cancel_engagement, engagements.complete_engagement])
@pytest.mark.parametrize("state", [EngagementState.CANCELLED, EngagementState.DONE])
def test_an_engagement_ends_once(make, state, end):
    engagement = make.engagement(state=state)

    with pytest.raises(ConflictError, match=state.value):
        end(make.session, engagement, by=make.actor())


def test_what_expired_may_turn_out_to_be_done(make):
    engagement = make.engagement(state=EngagementState.EXPIRED)

    engagements.complete_engagement(make.session, engagement, by=make.actor())

    assert engagement.state is EngagementState.DONE


def test_a_running_engagement_has_nothing_to_open_again(make):
    with pytest.raises(ConflictError):
        engagements.reopen_engagement(make.session, make.engagement(), by=make.actor())


def test_a_cancelled_engagement_outside_every_plan_opens_again(make):
    engagement = make.engagement()

    engagements.cancel_engagement(make.session, engagement, by=make.actor())
    cancelled = engagement.state
    engagements.reopen_engagement(make.session, engagement, by=make.actor())

    assert (cancelled, engagement.state) == (EngagementState.CANCELLED, EngagementState.CLASSIFIED)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (None, EngagementState.OFFERED),
        (Response.ACCEPTED, EngagementState.ACCEPTED),
        (Response.DECLINED, EngagementState.RETURNED),
    ],
)
def test_what_is_opened_again_stands_where_the_live_plan_has_it(make, answer, state):
    engagement = make.engagement(state=EngagementState.PLANNED)
    planned(make, engagement, make.person(), answer=answer)

    engagements.complete_engagement(make.session, engagement, by=make.actor())
    engagements.reopen_engagement(make.session, engagement, by=make.actor())

    assert engagement.state is state


def test_the_agent_is_told_that_planned_work_was_cancelled(make):
    agent, engagement = make.person(), make.engagement(state=EngagementState.PLANNED, external_id="C-9")
    planned(make, engagement, agent)

    engagements.cancel_engagement(make.session, engagement, by=make.actor())

    notice = make.session.query(Notice).one()
    assert notice.person_id == agent.id
    assert "C-9 was cancelled" in notice.text
    assert notice.link == "/day?day=2026-11-23"


def test_a_superseded_plan_neither_tells_anybody_nor_places_the_work(make):
    engagement = make.engagement()
    planned(make, engagement, make.person())
    for placement in engagements.list_placements(make.session, engagement):
        placement.plan.state = PlanState.SUPERSEDED
    make.session.flush()

    engagements.cancel_engagement(make.session, engagement, by=make.actor())
    engagements.reopen_engagement(make.session, engagement, by=make.actor())

    assert engagement.state is EngagementState.CLASSIFIED
    assert make.session.query(Notice).all() == []


def test_saving_without_a_change_writes_no_event(make, draft):
    engagement = make.engagement(external_id="C-1")
    same = dataclasses.replace(
        draft,
        type_id=engagement.engagement_type_id,
        latest_at=engagement.latest_at,
        due_at=engagement.due_at,
        customer_key=engagement.customer_key,
    )

    engagements.update_engagement(
        make.session, engagement, draft=same, version=engagement.version, seen={}, by=make.actor()
    )

    assert audit.history(make.session, engagement) == []


def test_the_newest_plan_that_leaves_it_out_says_why(make):
    engagement, plan = make.engagement(), draft_plan(make)
    make.session.add(Unassigned(plan_id=plan.id, engagement_id=engagement.id, cause="no_skill", detail={}, fix=None))
    make.session.flush()
    assert engagements.find_unassigned(make.session, engagement) is None

    publish(make, plan)

    found = engagements.find_unassigned(make.session, engagement)
    assert found is not None
    assert found.cause == "no_skill"


def test_engagements_of_other_sites_do_not_exist(make, scheduler):
    mine, foreign = make.engagement(), make.engagement(site=make.site())

    assert listed(make, scheduler) == [mine]
    assert listed(make, scheduler, site_id=foreign.site_id) == []
    assert engagements.count_engagements(make.session, viewer=scheduler, wanted=EngagementFilter()) == 1
    with pytest.raises(NotFoundError):
        engagements.get_engagement(make.session, foreign.id, viewer=scheduler, permission=Permission.VIEW_WORK)
    found = engagements.get_engagement(make.session, mine.id, viewer=scheduler, permission=Permission.EDIT_WORK)
    assert found is mine


def test_filters_narrow_the_list(make, scheduler):
    owner = make.person()
    kind = make.engagement_type(channel=Channel.SOCIAL, stance=Stance.PRAISE)
    wanted = make.engagement(
        kind, owner_id=owner.id, priority=5, state=EngagementState.RETURNED, subject="50% off", customer_key="Z"
    )
    make.engagement(subject="500 off")

    for narrow in (
        {"type_id": kind.id},
        {"channel": Channel.SOCIAL},
        {"stance": Stance.PRAISE},
        {"state": EngagementState.RETURNED},
        {"waiting": True, "priority": 5},
        {"priority": 5},
        {"owner_id": owner.id},
        {"text": "50%"},
        {"text": "z"},
    ):
        assert listed(make, scheduler, **narrow) == [wanted], narrow


def test_a_day_holds_the_windows_that_meet_it_at_their_own_site(make):
    """A window of 23:30–23:59 in New York is of the 23rd there, though it is the 24th in UTC."""
    east = make.site(time_zone="America/New_York")
    late = zones.to_utc(dt.datetime.fromisoformat("2026-11-23 23:30"), "America/New_York")
    engagement = make.engagement(site=east, earliest_at=late, due_at=late + dt.timedelta(minutes=29))
    admin = make.viewer(make.person(roles=[Role.ADMIN]))

    assert listed(make, admin, day_on=dt.date(2026, 11, 23)) == [engagement]
    assert listed(make, admin, day_on=dt.date(2026, 11, 24)) == []
    assert listed(make, admin, day_on=dt.date(2026, 11, 23), site_id=make.home.id) == []


def test_a_window_that_ends_as_the_day_begins_still_meets_it(make, scheduler):
    """The latest start itself is allowed, so it belongs to the window."""
    midnight, _ = zones.day_bounds(dt.date(2026, 11, 24), make.home.time_zone)
    engagement = make.engagement(earliest_at=midnight - HOUR, due_at=midnight)

    assert listed(make, scheduler, day_on=dt.date(2026, 11, 24)) == [engagement]


def test_states_are_counted(make, scheduler):
    make.engagement()
    make.engagement(state=EngagementState.DONE)

    wanted = EngagementFilter(state=EngagementState.CLASSIFIED)
    counts = engagements.count_by_state(make.session, viewer=scheduler, wanted=wanted)

    assert counts[EngagementState.CLASSIFIED] == counts[EngagementState.DONE] == 1
    assert counts[EngagementState.RETURNED] == 0


def test_what_no_plan_holds_waits(make, scheduler):
    """What an agent gave back waits like what was never planned."""
    waiting = [make.engagement(state=state) for state in (EngagementState.CLASSIFIED, EngagementState.RETURNED)]
    for state in set(EngagementState) - lifecycle.WAITING:
        make.engagement(state=state)

    assert listed(make, scheduler, waiting=True) == waiting


def test_the_list_is_sorted_and_paged(make, scheduler):
    low, high = make.engagement(priority=1), make.engagement(priority=5)

    def page(**how):
        return engagements.list_engagements(make.session, viewer=scheduler, wanted=EngagementFilter(), **how)

    assert page(sort="-priority") == [high, low]
    assert page(sort="priority", offset=1, limit=1) == [high]
    assert page(sort="nonsense") == [low, high]


def test_every_state_leads_only_to_states_that_the_product_knows():
    """Nothing ends in two ways at once, and what has ended can only be opened again."""
    for state in (EngagementState.DONE, EngagementState.CANCELLED):
        assert not lifecycle.TRANSITIONS[state] & lifecycle.ENDED
    assert set(lifecycle.TRANSITIONS) == set(EngagementState)
    assert all(state not in lifecycle.TRANSITIONS[state] for state in EngagementState)
