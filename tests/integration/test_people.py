"""The directory: who is listed, who may change whom, and what a lost race says."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError
from webapp.models import AuditEvent, Role
from webapp.services import people
from webapp.services.access import Permission
from webapp.services.people import PeopleFilter, PersonValues


@pytest.fixture
def hr(make):
    return make.person(name="Hanna HR", roles=[Role.HR])


def names(session, make, viewer, **wanted):
    found = people.list_people(session, viewer=make.viewer(viewer), wanted=PeopleFilter(**wanted))
    assert people.count_people(session, viewer=make.viewer(viewer), wanted=PeopleFilter(**wanted)) == len(found)
    return [person.name for person in found]


def update(session, make, person, hr, values, *, version=None):
    return people.update_person(
        session,
        person,
        values=values,
        version=person.version if version is None else version,
        seen=people.describe(session, people.values_of(person)),
        viewer=make.viewer(hr),
        by=make.actor(hr),
    )


def test_list_shows_the_viewers_scope_alone(session, make, hr):
    make.person(name="Near")
    make.person(name="Far", site=make.site())

    assert names(session, make, hr) == ["Hanna HR", "Near"]


def test_lead_lists_the_own_team(session, make):
    team = make.team()
    lead = make.person(name="Lena", roles=[Role.LEAD], leads=[team])
    make.person(name="Mine", team=team)
    make.person(name="Other", team=make.team())

    assert names(session, make, lead) == ["Mine"]


def test_filters_narrow_the_list(session, make, hr):
    team, role = make.team(), make.service_role()
    make.person(name="Ada", team=team, job_title="Clerk")
    make.person(name="Ben", service_role_id=role.id)
    make.person(name="Cleo", active=False)

    assert names(session, make, hr, team_id=team.id) == ["Ada"]
    assert names(session, make, hr, service_role_id=role.id) == ["Ben"]
    assert names(session, make, hr, active=False) == ["Cleo"]
    assert names(session, make, hr, active=None, role=Role.AGENT) == ["Ada", "Ben", "Cleo"]
    assert names(session, make, hr, text="clERk") == ["Ada"]
    assert names(session, make, hr, site_id=make.home.id, text="b") == ["Ben"]


def test_wildcards_in_the_search_stand_for_themselves(session, make, hr):
    make.person(name="100% Ada")

    assert names(session, make, hr, text="0%") == ["100% Ada"]
    assert names(session, make, hr, text="_") == []


def test_new_agent_gets_the_role_of_an_agent(session, make, hr):
    values = PersonValues(name=" Ada ", email="ADA@example.test", site_id=make.home.id)

    ada = people.create_person(session, external_id="a1", values=values, viewer=make.viewer(hr), by=make.actor(hr))

    assert (ada.name, ada.email) == ("Ada", "ada@example.test")
    assert [grant.role for grant in ada.grants] == [Role.AGENT]
    event = session.scalars(select(AuditEvent)).one()
    assert (event.action, event.person_id) == ("create_person", ada.id)
    assert "Ada" not in str(event.detail)


def test_somebody_who_handles_no_engagements_gets_no_role(session, make, hr):
    values = PersonValues(name="Ada", email=None, site_id=make.home.id, is_agent=False)

    ada = people.create_person(session, external_id="a1", values=values, viewer=make.viewer(hr), by=make.actor(hr))

    assert ada.grants == []


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": " "}),
        ("email", {"email": "TAKEN@example.test"}),
        ("service_role_id", {"service_role_id": 999}),
        ("team_id", {"team_id": 999}),
        ("site_id", {"site_id": 999}),
    ],
)
def test_wrong_values_are_refused_beside_their_field(session, make, hr, field, change):
    make.person(email="taken@example.test")
    values = dataclasses.replace(PersonValues(name="Ada", email=None, site_id=make.home.id), **change)

    with pytest.raises(InvalidInputError) as refused:
        people.create_person(session, external_id="a1", values=values, viewer=make.viewer(hr), by=make.actor(hr))

    assert refused.value.field == field


@pytest.mark.parametrize("external_id", ["", "  ", "p-taken"])
def test_number_has_to_be_given_and_free(session, make, hr, external_id):
    make.person(external_id="p-taken")
    values = PersonValues(name="Ada", email=None, site_id=make.home.id)

    with pytest.raises(InvalidInputError) as refused:
        people.create_person(session, external_id=external_id, values=values, viewer=make.viewer(hr), by=make.actor(hr))

    assert refused.value.field == "external_id"


def test_hr_moves_nobody_to_a_site_that_they_do_not_serve(session, make, hr):
    ada, elsewhere = make.person(), make.site()

    with pytest.raises(InvalidInputError) as refused:
        update(session, make, ada, hr, dataclasses.replace(people.values_of(ada), site_id=elsewhere.id))

    assert refused.value.field == "site_id"


def test_team_has_to_belong_to_the_site(session, make, hr):
    ada, team = make.person(), make.team(site=make.site())

    with pytest.raises(InvalidInputError) as refused:
        update(session, make, ada, hr, dataclasses.replace(people.values_of(ada), team_id=team.id))

    assert refused.value.field == "team_id"


def test_update_keeps_ids_in_the_trail_and_no_names(session, make, hr):
    ada, team = make.person(name="Ada"), make.team()
    values = dataclasses.replace(
        people.values_of(ada), name="Ada Lovelace", team_id=team.id, hired_on=dt.date(2024, 1, 2), email="ada@new.test"
    )

    update(session, make, ada, hr, values)

    event = session.scalars(select(AuditEvent)).one()
    assert event.detail["changes"]["team_id"] == [None, team.id]
    assert event.detail["changes"]["hired_on"] == [None, "2024-01-02"]
    assert "Lovelace" not in str(event.detail)
    assert "ada@new.test" not in str(event.detail)


def test_new_address_is_the_address_of_the_account(session, make, hr):
    ada = make.person()
    session.refresh(ada, ["account"])

    update(session, make, ada, hr, dataclasses.replace(people.values_of(ada), email="ada@new.test"))

    assert ada.account.email == "ada@new.test"


def test_account_keeps_an_address(session, make, hr):
    ada = make.person()

    with pytest.raises(InvalidInputError) as refused:
        update(session, make, ada, hr, dataclasses.replace(people.values_of(ada), email=None))

    assert refused.value.field == "email"


def test_address_of_somebody_elses_account_is_refused(session, make, hr):
    ada, ben = make.person(), make.person()
    session.refresh(ben, ["account"])
    ben.account.email = "ben@login.test"

    with pytest.raises(InvalidInputError) as refused:
        update(session, make, ada, hr, dataclasses.replace(people.values_of(ada), email="BEN@login.test"))

    assert refused.value.field == "email"


def test_address_of_an_admin_is_not_hrs_to_change(session, make, hr):
    """Whoever owns the address can have the password renewed."""
    admin = make.person(roles=[Role.ADMIN])

    with pytest.raises(ForbiddenError):
        update(session, make, admin, hr, dataclasses.replace(people.values_of(admin), email="mine@example.test"))


def test_address_of_somebody_without_account_is_free_to_change(session, make, hr):
    values = PersonValues(name="Ada", email=None, site_id=make.home.id)
    ada = people.create_person(session, external_id="a1", values=values, viewer=make.viewer(hr), by=make.actor(hr))

    update(session, make, ada, hr, dataclasses.replace(values, email="ada@new.test"))

    assert ada.email == "ada@new.test"


def test_second_editor_is_told_what_changed(session, make, hr):
    ada, team = make.person(name="Ada"), make.team(name="Gold")
    seen = people.describe(session, people.values_of(ada))
    version = ada.version
    update(session, make, ada, hr, dataclasses.replace(people.values_of(ada), team_id=team.id))
    session.flush()

    with pytest.raises(ConflictError) as refused:
        people.update_person(
            session,
            ada,
            values=dataclasses.replace(people.values_of(ada), name="Late"),
            version=version,
            seen=seen,
            viewer=make.viewer(hr),
            by=make.actor(hr),
        )

    assert refused.value.changes == {"Team": ("", "Gold")}
    assert ada.name == "Ada"


def test_deactivation_ends_sessions_and_activation_opens_the_account(session, make, hr):
    ada = make.person()
    session.refresh(ada, ["account"])
    mark = ada.account.fs_uniquifier

    people.deactivate_person(session, ada, viewer=make.viewer(hr), by=make.actor(hr))

    assert not ada.active
    assert not ada.account.active
    assert ada.account.fs_uniquifier != mark

    people.activate_person(session, ada, viewer=make.viewer(hr), by=make.actor(hr))

    assert ada.active
    assert ada.account.active


def test_state_that_is_there_is_not_made_again(session, make, hr):
    ada, gone = make.person(), make.person(active=False)

    with pytest.raises(ConflictError):
        people.activate_person(session, ada, viewer=make.viewer(hr), by=make.actor(hr))
    with pytest.raises(ConflictError):
        people.deactivate_person(session, gone, viewer=make.viewer(hr), by=make.actor(hr))


def test_nobody_changes_their_own_service_role(session, make, hr):
    """A promotion needs somebody else, whoever may edit the directory."""
    better = dataclasses.replace(people.values_of(hr), service_role_id=make.service_role().id)

    with pytest.raises(InvalidInputError, match="their own service role"):
        update(session, make, hr, hr, better)


def test_nobody_deactivates_themselves_or_somebody_above(session, make, hr):
    admin = make.person(roles=[Role.ADMIN])

    with pytest.raises(ForbiddenError):
        people.deactivate_person(session, hr, viewer=make.viewer(hr), by=make.actor(hr))
    with pytest.raises(ForbiddenError):
        people.deactivate_person(session, admin, viewer=make.viewer(hr), by=make.actor(hr))
    with pytest.raises(ForbiddenError):
        people.activate_person(session, admin, viewer=make.viewer(hr), by=make.actor(hr))


def test_history_shows_changes_and_no_sign_ins(session, make, hr):
    ada = make.person()
    people.deactivate_person(session, ada, viewer=make.viewer(hr), by=make.actor(hr))
    session.add(
        AuditEvent(
            at=NOW, channel="page", action="sign_in", subject_kind="account", subject_id=1,
            person_id=ada.id, actor_id=ada.id, detail={}, digest="0" * 64,
        )
    )  # fmt: skip

    assert [event.action for event in people.list_history(session, ada)] == ["deactivate_person"]


def test_permission_on_one_person_follows_the_scope(session, make, hr):
    near, far = make.person(), make.person(site=make.site())

    assert people.covers(session, near, viewer=make.viewer(hr), permission=Permission.EDIT_PEOPLE)
    assert not people.covers(session, far, viewer=make.viewer(hr), permission=Permission.EDIT_PEOPLE)


def test_whoever_begins_to_handle_engagements_gets_the_role_with_it(make):
    admin, clerk = make.person(roles=[Role.ADMIN]), make.person(roles=[], is_agent=False)
    values = dataclasses.replace(people.values_of(clerk), is_agent=True)

    for _ in range(2):
        update(make.session, make, clerk, admin, values)

    assert [grant.role for grant in clerk.grants] == [Role.AGENT]
