"""Roles and accounts: nobody widens their own rights, not even through somebody else."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent, Role
from webapp.services import accounts, people, roles
from webapp.services.people import PersonValues


@pytest.fixture
def hr(make):
    return make.person(roles=[Role.HR])


@pytest.fixture
def admin(make):
    return make.person(roles=[Role.ADMIN], site=make.site())


@pytest.fixture
def grant(session, make):
    def _grant(person, role, viewer, **place):
        return roles.grant_role(session, person, role=role, viewer=make.viewer(viewer), by=make.actor(viewer), **place)

    return _grant


def account_of(session, person):
    account = accounts.find_account(session, person)
    assert account is not None
    return account


def newcomer(session, make, hr, *, email="ada@example.test"):
    values = PersonValues(name="Ada", email=email, site_id=make.home.id)
    return people.create_person(session, external_id="a1", values=values, viewer=make.viewer(hr), by=make.actor(hr))


def test_hr_makes_a_lead_of_a_team_at_their_site(session, make, hr, grant):
    ada, team = make.person(), make.team()

    granted = grant(ada, Role.LEAD, hr, team_id=team.id, site_id=make.home.id)

    assert (granted.team_id, granted.site_id) == (team.id, None)
    assert [line.role for line in roles.list_grants(session, ada)] == [Role.AGENT, Role.LEAD]
    assert session.scalars(select(AuditEvent.action)).all() == ["grant_role"]


@pytest.mark.parametrize("role", [Role.SCHEDULER, Role.HR, Role.ADMIN])
def test_hr_grants_no_role_above_a_lead(make, hr, grant, role):
    with pytest.raises(ForbiddenError):
        grant(make.person(), role, hr, site_id=make.home.id)


@pytest.mark.parametrize("role", list(Role))
def test_nobody_grants_to_themselves(make, admin, grant, role):
    with pytest.raises(ForbiddenError):
        grant(admin, role, admin, site_id=make.home.id)


def test_admin_grants_a_site_to_a_scheduler(make, admin, grant):
    assert grant(make.person(), Role.SCHEDULER, admin, site_id=make.home.id).site_id == make.home.id


def test_admin_and_agent_need_no_place(make, admin, grant):
    granted = grant(make.person(), Role.ADMIN, admin, site_id=make.home.id)

    assert (granted.site_id, granted.team_id) == (None, None)


def test_lead_without_a_team_of_ones_scope_is_refused(make, hr, grant):
    far = make.team(site=make.site())

    for team_id in (None, far.id):
        with pytest.raises(InvalidInputError) as refused:
            grant(make.person(), Role.LEAD, hr, team_id=team_id)
        assert refused.value.field == "team_id"


def test_scheduler_without_a_site_is_refused(make, admin, grant):
    with pytest.raises(InvalidInputError) as refused:
        grant(make.person(), Role.SCHEDULER, admin)

    assert refused.value.field == "site_id"


def test_same_role_twice_is_refused(make, hr, grant):
    with pytest.raises(ConflictError):
        grant(make.person(roles=[Role.AGENT]), Role.AGENT, hr)


def test_withdrawn_role_is_gone(session, make, hr):
    ada = make.person()
    (line,) = roles.list_grants(session, ada)

    roles.withdraw_role(session, ada, line.id, viewer=make.viewer(hr), by=make.actor(hr))

    assert roles.list_grants(session, ada) == []
    assert session.scalars(select(AuditEvent.action)).all() == ["withdraw_role"]


def test_role_of_somebody_else_is_not_withdrawn_through_a_person(session, make, hr):
    ada, ben = make.person(), make.person()
    (line,) = roles.list_grants(session, ben)

    with pytest.raises(NotFoundError):
        roles.withdraw_role(session, ada, line.id, viewer=make.viewer(hr), by=make.actor(hr))


def test_hr_withdraws_neither_own_nor_higher_roles(session, make, hr):
    scheduler = make.person(roles=[Role.SCHEDULER])

    for person in (hr, scheduler):
        (line,) = roles.list_grants(session, person)
        with pytest.raises(ForbiddenError):
            roles.withdraw_role(session, person, line.id, viewer=make.viewer(hr), by=make.actor(hr))


def test_lead_of_a_team_at_another_site_stays(session, make, hr):
    ada = make.person(roles=[Role.LEAD], leads=[make.team(site=make.site())])
    (line,) = roles.list_grants(session, ada)

    with pytest.raises(ForbiddenError):
        roles.withdraw_role(session, ada, line.id, viewer=make.viewer(hr), by=make.actor(hr))


def test_account_signs_in_with_the_persons_address(session, make, hr):
    ada = newcomer(session, make, hr)

    account = accounts.create_account(session, ada, password_hash="hash", viewer=make.viewer(hr), by=make.actor(hr))

    assert (account.email, account.password, account.active) == ("ada@example.test", "hash", True)
    event = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first()
    assert (event.action, event.person_id, event.detail) == ("create_account", ada.id, {})


def test_account_needs_an_address(session, make, hr):
    ada = newcomer(session, make, hr, email=None)

    with pytest.raises(InvalidInputError):
        accounts.create_account(session, ada, password_hash="hash", viewer=make.viewer(hr), by=make.actor(hr))


def test_second_account_and_account_of_the_inactive_are_refused(session, make, hr):
    ada = newcomer(session, make, hr)
    ada.active = False
    with pytest.raises(ConflictError):
        accounts.create_account(session, ada, password_hash="hash", viewer=make.viewer(hr), by=make.actor(hr))
    ada.active = True
    accounts.create_account(session, ada, password_hash="hash", viewer=make.viewer(hr), by=make.actor(hr))

    with pytest.raises(ConflictError):
        accounts.create_account(session, ada, password_hash="hash", viewer=make.viewer(hr), by=make.actor(hr))


def test_new_password_ends_the_sessions(session, make, hr):
    ada = make.person()
    account = account_of(session, ada)
    mark = account.fs_uniquifier

    accounts.set_password(session, account, password_hash="new", viewer=make.viewer(hr), by=make.actor(hr))

    assert account.password == "new"
    assert account.fs_uniquifier != mark


def test_hr_renews_neither_an_admins_nor_their_own_password(session, make, hr, admin):
    with pytest.raises(ForbiddenError):
        accounts.set_password(
            session, account_of(session, admin), password_hash="x", viewer=make.viewer(hr), by=make.actor(hr)
        )
    with pytest.raises(ConflictError):
        accounts.set_password(
            session, account_of(session, hr), password_hash="x", viewer=make.viewer(hr), by=make.actor(hr)
        )


def test_password_of_the_inactive_is_not_renewed(session, make, hr):
    gone = make.person(active=False)

    with pytest.raises(ConflictError):
        accounts.set_password(
            session, account_of(session, gone), password_hash="x", viewer=make.viewer(hr), by=make.actor(hr)
        )
