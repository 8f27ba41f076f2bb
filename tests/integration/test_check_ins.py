"""Check-ins from rules: who is due, once each, never above the share, and a batch that can be taken back."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Channel, CheckIn, CheckInTrigger, EngagementState, Role, Stance
from webapp.services import check_ins, engagements, lifecycle, ownership
from webapp.services.check_ins import RuleDraft
from webapp.services.planning import policies, policy_editing

DAY = dt.timedelta(days=1)
TOMORROW = TODAY + DAY


@pytest.fixture
def scheduler(make):
    return make.person(name="Sam", roles=[Role.SCHEDULER])


@pytest.fixture
def calling(make):
    return make.engagement_type(
        name="Courtesy call", channel=Channel.CALLBACK, stance=Stance.PROACTIVE, handle_minutes=10.0
    )


@pytest.fixture
def staffed(make):
    """Give an agent 350 minutes of tomorrow, so that a tenth leaves time for three calls of 10 minutes."""
    begin = dt.datetime.combine(TOMORROW, dt.time(8), dt.UTC)
    pause = (begin + dt.timedelta(hours=3), begin + dt.timedelta(hours=3, minutes=10))
    return make.shift(make.person(name="Ada"), starts_at=begin, hours=6, breaks=[pause])


@pytest.fixture
def quiet(make):
    """Return a function that builds a customer's last call so many days ago."""
    voice = make.engagement_type(channel=Channel.VOICE)

    def build(key, days):
        return make.contact(voice, NOW - days * DAY, 5.0, customer_key=key, site_id=make.home.id)

    return build


def rule(make, calling, **values):
    draft = RuleDraft(
        **{
            "name": f"Rule {values}",
            "engagement_type_id": calling.id,
            "trigger": CheckInTrigger.NO_CONTACT,
            "days": 90,
        }
        | values
    )
    return check_ins.create_rule(make.session, make.home, draft=draft, by=make.actor())


def made(make):
    return list(make.session.scalars(select(CheckIn).order_by(CheckIn.id)))


def test_customers_without_contact_are_due_once(make, calling, staffed, quiet):
    quiet("K-old", 100)
    quiet("K-new", 10)
    quiet("K-both", 120)
    quiet("K-both", 5)
    rule(make, calling)

    first = check_ins.create(make.session, make.home, TOMORROW, by=make.actor())
    second = check_ins.create(make.session, make.home, TOMORROW, by=make.actor())
    third = check_ins.create(make.session, make.home, TOMORROW + DAY, by=make.actor())

    assert (first, second, third) == (1, 0, 0)
    [check_in] = made(make)
    assert (check_in.customer_key, check_in.base_on) == ("K-old", TODAY - 100 * DAY)
    work = check_in.engagement
    assert (work.state, work.priority, work.engagement_type_id) == (EngagementState.CLASSIFIED, 2, calling.id)
    assert work.earliest_at == dt.datetime(2026, 11, 24, 8, 0, tzinfo=dt.UTC)
    assert work.due_at == work.latest_at == dt.datetime(2026, 11, 24, 16, 0, tzinfo=dt.UTC)


def test_after_a_contact_the_customer_becomes_due_anew(make, calling, staffed, quiet):
    quiet("K-1", 200)
    kept = rule(make, calling)
    check_ins.create(make.session, make.home, TOMORROW, by=make.actor())
    engagements.complete_engagement(make.session, made(make)[0].engagement, by=make.actor())

    soon = check_ins.preview(make.session, make.home, TOMORROW + 80 * DAY, rules=[kept])
    later = check_ins.preview(make.session, make.home, TOMORROW + 100 * DAY, rules=[kept])

    assert [each.customer_key for each in soon.due] == []
    assert [(each.customer_key, each.base_on) for each in later.due] == [("K-1", TODAY)]


def test_never_more_than_the_share_and_who_waited_longest_first(make, calling, staffed, quiet):
    for number in range(6):
        quiet(f"K-{number}", 100 + number)
    rule(make, calling)

    preview = check_ins.preview(make.session, make.home, TOMORROW)
    count = check_ins.create(make.session, make.home, TOMORROW, by=make.actor())
    again = check_ins.create(make.session, make.home, TOMORROW, by=make.actor())

    # A tenth of 350 minutes less shrinkage, 31.5, are three calls of ten.
    assert preview.budget_minutes == pytest.approx(31.5)
    assert (preview.allowance.agents, preview.allowance.share) == (1, 0.1)
    assert [each.customer_key for each in preview.fitting] == ["K-5", "K-4", "K-3"]
    assert len(preview.due) == 6
    assert (count, again) == (3, 0)
    minutes = sum(each.engagement.handle_minutes for each in made(make))
    assert minutes / 350 <= 0.1


def test_the_share_is_of_the_minutes_that_agents_can_plan(make, calling, staffed, quiet):
    """Whatever is asked for on the day, whoever is absent gives no minutes, and shrinkage is taken off."""
    rule(make, calling)
    make.engagement(make.engagement_type(channel=Channel.EMAIL, handle_minutes=5000.0), customer_key="")
    policies.ensure_presets(make.session, by=make.actor())
    policy = policies.get_policy(make.session, policies.DEFAULT)
    policy.settings = {**policy.settings, "proactive_share_max": 0.05}
    make.session.flush()

    shrunk = check_ins.preview(make.session, make.home, TOMORROW).allowance
    make.absence(staffed.person, staffed.starts_at, staffed.starts_at + dt.timedelta(hours=6))
    nobody = check_ins.preview(make.session, make.home, TOMORROW).allowance

    assert shrunk.capacity_minutes == pytest.approx(350 * 0.9)
    assert (shrunk.share, shrunk.by_policy) == (0.05, True)
    assert shrunk.minutes == pytest.approx(15.75)
    assert (nobody.agents, nobody.minutes) == (0, 0.0)


def test_the_share_is_of_what_the_policy_of_the_site_leaves(make, calling, staffed, quiet):
    """A calm day loses 15 % of the 350 minutes; the policy holds before any run has used it, and after."""
    rule(make, calling)
    policy_editing.set_default(make.session, make.home, "calm-day", by=make.actor())

    at_first = check_ins.preview(make.session, make.home, TOMORROW).allowance
    policies.ensure_presets(make.session, by=make.actor())
    after = check_ins.preview(make.session, make.home, TOMORROW).allowance

    assert at_first.capacity_minutes == after.capacity_minutes == pytest.approx(350 * 0.85)


def test_a_week_after_a_complaint(make, calling, staffed, quiet):
    complaint, other = make.engagement_type(name="Complaint"), make.engagement_type()
    for kind, key, days in ((complaint, "K-7", 7), (complaint, "K-3", 3), (complaint, "K-60", 60), (other, "K-x", 7)):
        work = make.engagement(kind, customer_key=key)
        lifecycle.move(make.session, work, EngagementState.DONE, action="complete", by=make.actor(at=NOW - days * DAY))
    kept = rule(make, calling, trigger=CheckInTrigger.AFTER_TYPE, days=7, after_type_id=complaint.id)

    due = check_ins.preview(make.session, make.home, TODAY, rules=[kept]).due

    assert [each.customer_key for each in due] == ["K-7"]


def test_after_a_setback_unless_something_is_open(make, calling, staffed):
    for key in ("K-1", "K-2"):
        work = make.engagement(customer_key=key)
        lifecycle.move(make.session, work, EngagementState.EXPIRED, action="expire", by=make.actor(at=NOW - 3 * DAY))
    make.engagement(customer_key="K-2")
    kept = rule(make, calling, trigger=CheckInTrigger.AFTER_SETBACK, days=2)

    due = check_ins.preview(make.session, make.home, TODAY, rules=[kept]).due

    assert [each.customer_key for each in due] == ["K-1"]


def test_the_more_urgent_rule_comes_first_and_one_customer_is_called_once(make, calling, staffed, quiet):
    quiet("K-1", 400)
    low, high = rule(make, calling, priority=1), rule(make, calling, days=300, priority=5)

    due = check_ins.preview(make.session, make.home, TOMORROW).due

    assert [each.rule for each in due] == [high]
    assert low.priority == 1


def test_a_batch_is_taken_back_except_what_was_begun(make, calling, staffed, quiet):
    for number in range(3):
        quiet(f"K-{number}", 100 + number)
    kept = rule(make, calling)
    check_ins.create(make.session, make.home, TOMORROW, by=make.actor())
    begun = made(make)[0].engagement
    engagements.complete_engagement(make.session, begun, by=make.actor())

    count = check_ins.undo_batch(make.session, kept, TOMORROW, by=make.actor())
    after = check_ins.create(make.session, make.home, TOMORROW, by=make.actor())

    assert (count, after) == (2, 0)
    states = [each.engagement.state for each in made(make)]
    assert states == [EngagementState.DONE, EngagementState.CANCELLED, EngagementState.CANCELLED]
    with pytest.raises(ConflictError):
        check_ins.undo_batch(make.session, kept, TOMORROW, by=make.actor())


def test_rules_out_of_use_make_nothing(make, calling, staffed, quiet):
    quiet("K-1", 100)
    rule(make, calling, active=False)

    assert check_ins.create(make.session, make.home, TOMORROW, by=make.actor()) == 0


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("name", {"name": " "}),
        ("days", {"days": 0}),
        ("priority", {"priority": 6}),
        ("until_hour", {"from_hour": 12, "until_hour": 12}),
        ("after_type_id", {"trigger": CheckInTrigger.AFTER_TYPE}),
        ("engagement_type_id", {"engagement_type_id": 0}),
    ],
)
def test_a_rule_that_cannot_work_is_refused_beside_the_field(make, calling, field, values):
    with pytest.raises(InvalidInputError) as refused:
        rule(make, calling, **values)

    assert refused.value.field == field


def test_the_policy_of_the_site_sets_the_share(make, calling, staffed, quiet):
    quiet("K-1", 100)
    rule(make, calling)
    ownership.change_settings(
        make.session,
        make.home,
        dispatcher_id=None,
        slip_minutes=120,
        untouched_minutes=60,
        check_in_share=0.0,
        by=make.actor(),
    )

    assert check_ins.create(make.session, make.home, TOMORROW, by=make.actor()) == 0


class TestPages:
    @pytest.mark.usefixtures("staffed")
    def test_a_rule_is_added_previewed_made_and_taken_back(self, make, sign_in, scheduler, calling, quiet):
        quiet("K-1", 100)
        make.commit()
        client = sign_in(scheduler)
        form = {
            "name": "Quarterly",
            "trigger": "no_contact",
            "days": "90",
            "engagement_type_id": calling.id,
            "after_type_id": "",
            "from_hour": "9",
            "until_hour": "17",
            "priority": "2",
            "active": "y",
        }

        refused = client.post("/check-ins/new", data=form | {"days": "0"})
        added = client.post("/check-ins/new", data=form)
        page = client.get("/check-ins").text
        client.post("/check-ins/run")

        assert (refused.status_code, added.status_code) == (422, 302)
        assert "Would create 1 for" in page
        assert "K-1" in page
        [check_in] = made(make)
        rule_id = check_in.rule_id
        make.commit()
        assert client.get(f"/check-ins/{rule_id}/edit").status_code == 200
        client.post(f"/check-ins/{rule_id}/2026-11-24/undo")
        make.session.expire_all()
        assert made(make)[0].engagement.state is EngagementState.CANCELLED

    def test_another_sites_rules_are_not_there(self, make, sign_in, calling):
        kept = rule(make, calling)
        other = make.person(roles=[Role.SCHEDULER], site=make.site())
        make.commit()
        client = sign_in(other)

        assert client.get(f"/check-ins?site={kept.site_id}").status_code == 404
        assert client.get(f"/check-ins/{kept.id}/edit").status_code == 404
        assert client.post(f"/check-ins/{kept.id}/2026-11-24/undo").status_code == 404
