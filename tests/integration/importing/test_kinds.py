"""Each kind adds what is new, changes what differs, and refuses what is wrong with row, column and code."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select

from tests.factories import NOW
from webapp.models import (
    Account,
    AuditEvent,
    Channel,
    Engagement,
    EngagementState,
    EngagementType,
    ForecastInterval,
    ImportKind,
    LinkKind,
    Person,
    Role,
    RoleGrant,
    Shift,
    Skill,
    SkillEvent,
    SkillEventKind,
    SkillRecord,
    Team,
)


def count(session, model):
    return session.scalar(select(func.count()).select_from(model))


@pytest.fixture
def place(make):
    """Return the site Berlin; there is Lisbon, too."""
    make.site(code="lis", name="Lisbon", time_zone="Europe/Lisbon")
    return make.site(code="ber", name="Berlin", time_zone="Europe/Berlin")


@pytest.fixture
def work(make, place):
    """Return one of two people of Berlin; there are two skills, a mail and a call type."""
    person = make.person(external_id="p1", name="Ana", site=place)
    make.person(external_id="p2", name="Bo", site=place)
    billing, phone = make.skill(code="billing"), make.skill(code="phone")
    make.engagement_type(code="mail", requires={billing: 2})
    make.engagement_type(code="call", channel=Channel.VOICE, requires={phone: 1}, handle_minutes=4.0)
    return person


PEOPLE = (
    "external_id,name,email,site,team,team_name,hired_on,agent\n"
    "a1,Ana Duarte,Ana@Example.test,lis,care,Customer care,2024-03-01,yes\n"
    "a2,Bo Li,,ber,,,3 Apr 2025,no\n"
)


def test_people_come_with_their_team_and_agents_with_their_role(make, importing, place):
    report = importing.apply(ImportKind.PEOPLE, PEOPLE)

    ana = make.session.scalar(select(Person).where(Person.external_id == "a1"))
    assert (report.tallies["person"].new, report.tallies["team"].new) == (2, 1)
    assert (ana.email, ana.team.code, ana.site.code, ana.hired_on) == (
        "ana@example.test",
        "care",
        "lis",
        dt.date(2024, 3, 1),
    )
    assert make.session.scalars(select(RoleGrant.role).where(RoleGrant.person_id == ana.id)).all() == [Role.AGENT]
    assert count(make.session, RoleGrant) == 1


@pytest.mark.parametrize("kind", ["people", "skills"])
def test_second_run_of_the_same_file_changes_nothing(make, importing, place, kind):
    text = PEOPLE if kind == "people" else "code,name,group,group_name,prerequisites\na,A,g,G,b\nb,B,g,,\n"
    importing.apply(ImportKind(kind), text)

    again = importing.apply(ImportKind(kind), text)

    assert (again.total.new, again.total.changed) == (0, 0)
    assert again.total.unchanged == 2


def test_column_that_the_file_lacks_stays_and_an_empty_cell_clears(make, importing, place):
    importing.apply(ImportKind.PEOPLE, PEOPLE)

    report = importing.apply(ImportKind.PEOPLE, "external_id,name,email\na1,Ana D.,\n")

    ana = make.session.scalar(select(Person).where(Person.external_id == "a1"))
    assert report.tallies["person"].changed == 1
    assert (ana.name, ana.email, ana.team.code) == ("Ana D.", None, "care")


def test_people_file_with_problems_writes_nothing_and_names_each(make, importing, place, codes):
    before = count(make.session, Person)
    report = importing.apply(
        ImportKind.PEOPLE,
        "external_id,name,email,site,team,service_role,agent\n"
        "a1,Ana,x@example.test,lsi,,,yes\n"
        "a1,Ana,y@example.test,lis,,,yes\n"
        "a3,,z@example.test,lis,,,maybe\n"
        "a4,Cy,x@example.test,lis,ghost,,\n"
        "a5,Di,d@example.test,,,,\n"
        "a6,Ed,e@example.test,lis,,boss,\n",
    )

    assert codes(report) == [
        (2, "site", "unknown_site"),
        (3, "external_id", "duplicate_key"),
        (4, "name", "required"),
        (4, "agent", "not_yes_or_no"),
        (5, "team", "unknown_team"),
        (6, "site", "required"),
        (7, "service_role", "unknown_service_role"),
    ]
    assert "Did you mean “lis”?" in report.problems[0].message
    assert "Rows 2 and 3" in report.problems[1].message
    assert count(make.session, Person) == before


def test_taken_address_and_team_of_another_site_are_problems(make, importing, place, codes):
    make.person(external_id="x1", email="taken@example.test", site=place)
    make.team(site=place, code="berlin-team")

    report = importing.check(
        ImportKind.PEOPLE,
        "external_id,name,email,site,team\na1,Ana,taken@example.test,lis,\na2,Bo,,lis,berlin-team\n",
    )

    assert codes(report) == [(2, "email", "taken_email"), (3, "team", "wrong_team")]


def test_hr_imports_into_their_own_sites_only(make, importing, place, codes):
    hr = make.person(roles=[Role.HR], serves=[place], site=place)
    make.person(external_id="l1", site=make.site(code="osl"))

    report = importing.apply(
        ImportKind.PEOPLE, "external_id,name,site\nn1,New,lis\nl1,Stolen,ber\nb1,Fine,ber\n", as_=hr
    )

    assert codes(report) == [(2, "site", "unknown_site"), (3, "external_id", "out_of_scope")]
    assert "sites that you serve" in report.problems[0].message


def test_import_is_no_way_around_who_manages_whom(make, importing, place, codes):
    """HR can neither move an admin's sign-in address, nor switch the admin off, nor themselves."""
    hr = make.person(external_id="h1", name="Hal", roles=[Role.HR], serves=[place], site=place)
    make.person(external_id="z1", name="Zoe", roles=[Role.ADMIN], site=place, email="zoe@example.test")
    make.person(external_id="g1", name="Gus", site=place)

    report = importing.apply(
        ImportKind.PEOPLE,
        "external_id,name,email,active\nz1,Zoe,mine@example.test,yes\ng1,Gus,,yes\n",
        as_=hr,
    )
    own = importing.check(ImportKind.PEOPLE, "external_id,name,active\nh1,Hal,no\n", as_=hr)

    assert codes(report) == [(2, "email", "admin_only"), (3, "email", "needs_email")]
    assert codes(own)[0][2] in {"own_account", "admin_only"}


def test_nobody_promotes_themselves_by_import(make, importing, place, codes):
    make.service_role(code="agent-1")
    make.service_role(code="director")
    hr = make.person(external_id="h1", name="Hal", roles=[Role.ADMIN], site=place)
    make.person(external_id="g1", name="Gus", site=place)
    rows = "external_id,name,service_role\ng1,Gus,agent-1\nh1,Hal,director\n"

    assert codes(importing.apply(ImportKind.PEOPLE, rows, as_=hr)) == [(3, "service_role", "own_role")]


def test_deactivation_by_import_ends_sessions_and_moves_the_account(make, importing, place):
    person = make.person(external_id="a1", name="Ana", site=place, email="old@example.test")
    account = make.session.scalar(select(Account).where(Account.person_id == person.id))
    before = account.fs_uniquifier

    importing.apply(ImportKind.PEOPLE, "external_id,name,email,active\na1,Ana,new@example.test,no\n")

    make.session.refresh(account)
    assert (account.active, account.email) == (False, "new@example.test")
    assert account.fs_uniquifier != before
    importing.undo()
    make.session.refresh(account)
    assert (account.active, account.email) == (True, "old@example.test")


def test_person_who_becomes_an_agent_gets_the_role_once(make, importing, place):
    importing.apply(ImportKind.PEOPLE, "external_id,name,site,agent\na1,Ana,ber,no\n")
    assert count(make.session, RoleGrant) == 0

    for agent in ("yes", "no", "yes"):
        importing.apply(ImportKind.PEOPLE, f"external_id,name,agent\na1,Ana,{agent}\n")

    assert make.session.scalars(select(RoleGrant.role)).all() == [Role.AGENT]


def test_skills_may_name_each_other_in_any_order(make, importing):
    report = importing.apply(
        ImportKind.SKILLS,
        "code;name;kind;group;group_name;prerequisites;related;level_3\n"
        "refund;Refunds;product;acc;Accounts;billing;chat:0.5;Alone\n"
        "billing;Billing;;acc;;;;\n"
        "chat;Chat;channel;;;;;\n",
    )

    refund = make.session.scalar(select(Skill).where(Skill.code == "refund"))
    assert report.tallies["skill"].new == 3
    assert {(link.other.code, link.kind, link.weight) for link in refund.links} == {
        ("billing", LinkKind.PREREQUISITE, 1.0),
        ("chat", LinkKind.RELATED, 0.5),
    }
    assert [(line.level, line.text) for line in refund.level_descriptions] == [(3, "Alone")]
    assert refund.group.name == "Accounts"


def test_only_the_links_that_the_file_speaks_of_are_replaced(make, importing):
    importing.apply(ImportKind.SKILLS, "code,name,prerequisites,related\na,A,b,c:0.5\nb,B,,\nc,C,,\n")

    importing.apply(ImportKind.SKILLS, "code,name,prerequisites\na,A,\n")

    skill = make.session.scalar(select(Skill).where(Skill.code == "a"))
    assert [(link.other.code, link.kind) for link in skill.links] == [("c", LinkKind.RELATED)]


def test_prerequisites_in_a_circle_are_refused_with_the_circle(make, importing, codes):
    importing.apply(ImportKind.SKILLS, "code,name,prerequisites\na,A,\nb,B,a\n")

    report = importing.apply(ImportKind.SKILLS, "code,name,prerequisites\na,A,c\nc,C,b\n")

    assert [code for _, _, code in codes(report)] == ["circle"]
    assert "needs" in report.problems[0].message
    assert make.session.scalar(select(Skill).where(Skill.code == "c")) is None


def test_skill_that_names_itself_or_nobody_is_refused(importing, codes):
    report = importing.check(
        ImportKind.SKILLS, "code,name,group,prerequisites,related\na,A,nowhere,a,\nb,B,,ghost,a:2\nc,C,,a;a,\n"
    )

    assert codes(report) == [
        (2, "group", "unknown_skill_group"),
        (2, "prerequisites", "own_link"),
        (3, "related", "out_of_range"),
        (4, "prerequisites", "listed_twice"),
    ]


LONG = "person,skill,level\np1,billing,3\np1,phone,0\np2,phone,5\n"


def test_records_become_provisional_evidence_that_expires(make, importing, work):
    report = importing.apply(ImportKind.RECORDS, LONG)

    record = make.session.scalar(select(SkillRecord).where(SkillRecord.effective_level == 3))
    assert report.tallies["skill_event"].new == 3
    assert record.validated_by is SkillEventKind.PROVISIONAL
    assert record.valid_until == NOW.date() + dt.timedelta(days=180)
    assert importing.apply(ImportKind.RECORDS, LONG).total.unchanged == 3


def test_wide_file_says_the_same_as_a_long_one(make, importing, work):
    importing.apply(ImportKind.RECORDS, LONG)

    report = importing.apply(ImportKind.RECORDS, "person,billing,Phone\np1,3,0\np2,,5\n")

    assert (report.total.new, report.total.unchanged) == (0, 3)


def test_lower_level_in_a_later_file_replaces_the_earlier_one(make, importing, work):
    importing.apply(ImportKind.RECORDS, LONG)

    report = importing.apply(ImportKind.RECORDS, "person,skill,level\np1,billing,1\n")

    billing = make.session.scalar(select(Skill).where(Skill.code == "billing"))
    record = make.session.scalar(select(SkillRecord).where(SkillRecord.skill_id == billing.id))
    assert report.tallies["skill_event"].changed == 1
    assert record.effective_level == 1
    importing.undo()
    make.session.refresh(record)
    assert record.effective_level == 3


def test_wrong_records_are_named_and_none_is_written(make, importing, work, codes):
    report = importing.apply(
        ImportKind.RECORDS,
        "person,skill,level,expires_on\n"
        "p1,biling,3,\n"
        "p9,billing,3,\n"
        "p1,billing,6,\n"
        "p1,billing,-1,\n"
        'p1,billing,"3,5",\n'
        "p1,billing,3.5,03/04/2026\n"
        "p1,billing,2,2020-01-01\n"
        "p2,billing,2,\n"
        "p2,billing,3,\n",
    )

    assert codes(report) == [
        (2, "skill", "unknown_skill"),
        (3, "person", "unknown_person"),
        (4, "level", "not_a_level"),
        (5, "level", "not_a_level"),
        (6, "level", "not_a_level"),
        (7, "level", "not_a_level"),
        (7, "expires_on", "ambiguous_date"),
        (8, "expires_on", "expired"),
        (10, "person", "duplicate_key"),
    ]
    assert all(problem.accepted for problem in report.problems)
    assert count(make.session, SkillEvent) == 0


def test_wide_file_with_an_unknown_skill_or_level_is_refused(importing, work, codes):
    report = importing.check(ImportKind.RECORDS, "person,billing,ghost\np1,7,1\n")

    assert codes(report) == [(1, "skill", "unknown_skill"), (2, "billing", "not_a_level")]


def test_nobody_imports_levels_of_their_own(make, importing, place, codes):
    hr = make.person(external_id="h1", roles=[Role.HR], serves=[place], site=place)
    make.skill(code="billing")

    report = importing.apply(ImportKind.RECORDS, "person,skill,level\nh1,billing,5\n", as_=hr)

    assert codes(report) == [(2, "person", "own_record")]


def test_shifts_are_local_times_and_breaks_may_lie_after_midnight(make, importing, work):
    report = importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at,breaks\n"
        "s1,p1,2026-11-23 22:00,2026-11-24 06:00,23:00-23:30; 02:00-02:30\n",
    )

    shift = make.session.scalar(select(Shift))
    assert report.tallies["shift"].new == 1
    assert shift.starts_at == dt.datetime(2026, 11, 23, 21, tzinfo=dt.UTC)
    assert [line.starts_at.hour for line in shift.breaks] == [22, 1]


def test_columns_that_a_file_of_shifts_lacks_leave_what_is_there(make, importing, work):
    importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at,breaks,inferred\n"
        "s1,p1,2026-11-23 09:00,2026-11-23 13:00,11:00-11:30,yes\n",
    )
    shift = make.session.scalar(select(Shift))

    importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns1,p1,2026-11-23 09:00,2026-11-23 14:00\n"
    )
    make.session.refresh(shift)
    kept = (shift.inferred, len(shift.breaks))
    importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at,breaks,inferred\ns1,p1,2026-11-23 09:00,2026-11-23 14:00,,\n",
    )
    make.session.refresh(shift)

    assert kept == (True, 1)
    assert (shift.inferred, len(shift.breaks)) == (False, 0)


def test_night_of_the_clock_change_lasts_nine_hours(make, importing, work):
    importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns1,p1,2026-10-24 22:00,2026-10-25 06:00\n"
    )

    shift = make.session.scalar(select(Shift))
    assert shift.ends_at - shift.starts_at == dt.timedelta(hours=9)


def test_times_that_the_clock_skips_or_shows_twice_need_an_offset(make, importing, work, codes):
    report = importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at\n"
        "s1,p1,2026-03-29 02:30,2026-03-29 08:00\n"
        "s2,p2,2026-10-25 02:30,2026-10-25 08:00\n",
    )
    told = importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns2,p2,2026-10-25 02:30+01:00,2026-10-25 08:00\n"
    )

    assert codes(report) == [(2, "starts_at", "skipped_time"), (3, "starts_at", "ambiguous_time")]
    assert "offset" in report.problems[1].accepted
    assert told.sound


def test_impossible_and_overlapping_shifts_are_refused(make, importing, work, codes):
    make.shift(work, starts_at=dt.datetime(2026, 11, 30, 8, tzinfo=dt.UTC), external_id="old")

    report = importing.apply(
        ImportKind.SHIFTS,
        "external_id,person,starts_at,ends_at,breaks\n"
        "s1,p1,2026-11-23 08:00,2026-11-23 07:00,\n"
        "s2,p1,2026-11-23 08:00,2026-11-24 08:00,\n"
        "s3,p1,2026-11-23 08:00,2026-11-23 16:00,17:00-17:30\n"
        "s4,p1,2026-11-23 08:00,2026-11-23 16:00,12-13\n"
        "s5,p2,2026-11-23 08:00,2026-11-23 16:00,\n"
        "s6,p2,2026-11-23 15:00,2026-11-23 20:00,\n"
        "s7,p1,2026-11-30 10:00,2026-11-30 12:00,\n",
    )
    taken = importing.check(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\nold,p2,2026-12-01 10:00,2026-12-01 12:00\n"
    )

    assert codes(report) == [
        (2, "ends_at", "impossible_shift"),
        (3, "ends_at", "impossible_shift"),
        (4, "breaks", "impossible_break"),
        (5, "breaks", "not_a_break"),
        (7, "starts_at", "overlap"),
        (8, "starts_at", "overlap"),
    ]
    assert codes(taken) == [(2, "external_id", "other_person")]
    assert "row 6" in report.problems[4].message
    assert "shift old" in report.problems[5].message


def test_shift_that_moves_does_not_overlap_its_former_self(make, importing, work):
    importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns1,p1,2026-11-23 08:00,2026-11-23 16:00\n"
    )

    moved = importing.apply(
        ImportKind.SHIFTS, "external_id,person,starts_at,ends_at\ns1,p1,2026-11-23 09:00,2026-11-23 17:00\n"
    )

    assert moved.tallies["shift"].changed == 1


def test_engagement_types_take_their_requirements_from_one_cell(make, importing, work):
    report = importing.apply(
        ImportKind.ENGAGEMENT_TYPES,
        "code,name,channel,handle_minutes,requirements\nnew,New,email,12.5,billing>=3; phone >= 1 *0.5 ?\n",
    )

    kind = make.session.scalar(select(EngagementType).where(EngagementType.code == "new"))
    assert report.sound
    assert [
        (r.skill.code, r.level, r.weight, r.preferred) for r in sorted(kind.requirements, key=lambda r: -r.level)
    ] == [
        ("billing", 3, 1.0, False),
        ("phone", 1, 0.5, True),
    ]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("x,X,email,12,billing>3", "not_a_requirement"),
        ("x,X,email,12,billing>=6", "not_a_level"),
        ("x,X,email,12,billing>=2;billing>=3", "listed_twice"),
        ("x,X,email,12,ghost>=2", "unknown_skill"),
        ("x,X,email,0,", "out_of_range"),
        ("x,X,pigeon,12,", "unknown_choice"),
    ],
)
def test_wrong_engagement_types_are_refused(importing, work, codes, row, problem):
    report = importing.check(ImportKind.ENGAGEMENT_TYPES, f"code,name,channel,handle_minutes,requirements\n{row}\n")

    assert [code for _, _, code in codes(report)] == [problem]


def test_spoken_work_is_not_done_twice_at_once(importing, work, codes):
    report = importing.check(
        ImportKind.ENGAGEMENT_TYPES, "code,name,channel,handle_minutes,concurrency\nx,X,voice,5,2\n"
    )

    assert codes(report) == [(2, "concurrency", "impossible_concurrency")]


def test_engagements_come_with_window_owner_and_defaults(make, importing, work):
    report = importing.apply(
        ImportKind.ENGAGEMENTS,
        "external_id,site,type,customer,earliest_at,due_at,owner\n"
        "e1,ber,mail,c1,2026-11-23 08:00,2026-11-23 14:00,p1\n",
    )

    engagement = make.session.scalar(select(Engagement))
    assert report.tallies["engagement"].new == 1
    assert (engagement.priority, engagement.owner.external_id, engagement.state) == (
        3,
        "p1",
        EngagementState.CLASSIFIED,
    )
    assert engagement.latest_at == engagement.due_at == dt.datetime(2026, 11, 23, 13, tzinfo=dt.UTC)


def test_wrong_engagements_are_refused(make, importing, work, codes):
    done = make.engagement(external_id="done", state=EngagementState.DONE)

    report = importing.apply(
        ImportKind.ENGAGEMENTS,
        "external_id,site,type,earliest_at,due_at,latest_at,priority,owner\n"
        "e1,ber,call,2026-11-23 08:00,2026-11-23 14:00,,,\n"
        "e2,ber,mial,2026-11-23 08:00,2026-11-23 14:00,,,\n"
        "e3,ber,mail,2026-11-23 15:00,2026-11-23 14:00,,,\n"
        "e4,ber,mail,2026-11-23 08:00,2026-11-23 14:00,2026-11-23 13:00,,\n"
        "e5,ber,mail,2026-11-23 08:00,2026-11-23 14:00,,6,\n"
        "e6,ber,mail,2026-11-23 08:00,2026-11-23 14:00,,,nobody\n"
        "done,ber,mail,2026-11-23 08:00,2026-11-23 14:00,,,\n",
    )

    assert codes(report) == [
        (2, "type", "live_channel"),
        (3, "type", "unknown_engagement_type"),
        (4, "due_at", "empty_window"),
        (5, "latest_at", "empty_window"),
        (6, "priority", "not_a_priority"),
        (7, "owner", "unknown_person"),
        (8, "external_id", "closed"),
    ]
    assert done.state is EngagementState.DONE


def test_forecast_without_minutes_is_staffed_for_the_service_level(make, importing, work):
    report = importing.apply(ImportKind.FORECAST, "site,type,starts_at,volume\nber,call,2026-11-23 08:00,30\n")

    # 30 contacts × 4 min in 30 min are 4 Erlang; 80 % within 20 s takes 7 agents: 210 minutes.
    interval = make.session.scalar(select(ForecastInterval))
    assert report.tallies["forecast_interval"].new == 1
    assert (interval.length_minutes, interval.minutes) == (30, pytest.approx(210.0))


def test_forecast_of_work_that_can_wait_is_refused(importing, work, codes):
    report = importing.check(
        ImportKind.FORECAST,
        "site,type,starts_at,volume\n"
        "ber,mail,2026-11-23 08:00,3\nber,ghost,2026-11-23 08:00,3\n"
        "ber,call,2026-11-23 08:00,3\nber,call,2026-11-23 07:00Z,3\n",
    )

    assert [code for _, _, code in codes(report)] == ["not_live", "unknown_engagement_type", "duplicate_key"]


def test_file_that_cannot_be_read_is_one_problem_and_writes_nothing(make, importing, place):
    for text in (b"external_id,name\n", b'external_id,name,site\na1,"open,lis\n', b"who,what\nx,y\n"):
        report = importing.check(ImportKind.PEOPLE, text)
        assert report.problem_count == 1
        assert not report.sound
    assert count(make.session, Person) == 0


def test_rows_before_a_broken_one_are_not_kept(make, importing, place):
    """The reader meets the broken quote after thousands of rows were written; all are rolled back."""
    rows = "".join(f"n{number},Name {number},lis\n" for number in range(3000))

    report = importing.apply(ImportKind.PEOPLE, f'external_id,name,site\n{rows}x,"open,lis\n')

    assert [problem.code for problem in report.problems] == ["broken_quotes"]
    assert (count(make.session, Person), count(make.session, Team)) == (0, 0)


def test_applied_import_leaves_one_audit_event_with_counts_and_digest(make, importing, place):
    importing.apply(ImportKind.PEOPLE, PEOPLE)

    events = make.session.scalars(select(AuditEvent).where(AuditEvent.action == "apply_import")).all()
    assert len(events) == 1
    assert events[0].detail["digest"] == importing.batch.file_digest
    assert (events[0].detail["rows"], events[0].detail["new"]) == (2, 3)
