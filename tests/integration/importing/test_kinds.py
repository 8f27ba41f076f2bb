"""People and skills from files: what is new, what differs, and what is wrong by row, column and code."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.integration.importing.conftest import count
from webapp.models import Account, AuditEvent, ImportKind, LinkKind, Person, Role, RoleGrant, Skill, Team

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
