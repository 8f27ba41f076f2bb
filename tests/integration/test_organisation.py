"""Sites and teams."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from webapp.errors import ConflictError, DependencyError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent, Role, Site, Team
from webapp.services import organisation


@pytest.fixture
def hr(make):
    return make.person(roles=[Role.HR])


@pytest.fixture
def admin(make):
    return make.person(roles=[Role.ADMIN])


def test_structure_counts_active_people(session, make, hr):
    team = make.team(name="Gold")
    make.person(team=team)
    make.person(team=team, active=False)
    make.site()

    (row,) = organisation.list_structure(session, viewer=make.viewer(hr))

    assert (row.site, row.people) == (make.home, 2)
    assert [(line.team.name, line.members) for line in row.teams] == [("Gold", 1)]


def test_admin_adds_a_site_and_hr_does_not(session, make, hr, admin):
    values = {"code": "oslo", "name": "Oslo", "time_zone": "Europe/Oslo"}

    site = organisation.create_site(session, **values, viewer=make.viewer(admin), by=make.actor(admin))

    assert site.time_zone == "Europe/Oslo"
    with pytest.raises(ForbiddenError):
        organisation.create_site(session, **values, viewer=make.viewer(hr), by=make.actor(hr))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "home"),
        ("code", "no spaces"),
        ("code", "x" * 81),
        ("name", " "),
        ("time_zone", "Mars/Olympus"),
        ("time_zone", ""),
    ],
)
def test_wrong_site_is_refused_beside_the_field(session, make, admin, field, value):
    assert make.home.code == "home"
    values = {"code": "oslo", "name": "Oslo", "time_zone": "Europe/Oslo"} | {field: value}

    with pytest.raises(InvalidInputError) as refused:
        organisation.create_site(session, **values, viewer=make.viewer(admin), by=make.actor(admin))

    assert refused.value.field == field


def test_site_is_renamed_once_and_the_second_editor_told(session, make, hr):
    site, seen = make.home, organisation.describe_site(make.home)
    version = site.version
    change = {"time_zone": "Europe/Paris", "version": version, "seen": seen, "by": make.actor(hr)}

    organisation.update_site(session, site, name="Paris", **change)
    with pytest.raises(ConflictError) as refused:
        organisation.update_site(session, site, name="Late", **change)

    assert site.name == "Paris"
    assert refused.value.changes == {"Name": ("Home", "Paris"), "Time zone": ("Europe/Berlin", "Europe/Paris")}


def test_site_with_people_or_teams_stays(session, make, admin):
    make.team(name="Gold")

    with pytest.raises(DependencyError) as refused:
        organisation.delete_site(session, make.home, by=make.actor(admin))

    assert "Gold" in refused.value.rows


def test_empty_site_is_removed(session, make, admin):
    site = make.site()

    organisation.delete_site(session, site, by=make.actor(admin))

    assert session.get(Site, site.id) is None
    assert session.scalars(select(AuditEvent.action)).all() == ["delete_site"]


def test_site_that_somebody_serves_stays(session, make, admin):
    served = make.site()
    make.person(roles=[Role.SCHEDULER], serves=[served])

    with pytest.raises(ConflictError):
        organisation.delete_site(session, served, by=make.actor(admin))


def test_team_outside_the_scope_is_unknown(session, make, hr):
    near, far = make.team(), make.team(site=make.site())

    assert organisation.get_team(session, near.id, viewer=make.viewer(hr)) is near
    with pytest.raises(NotFoundError):
        organisation.get_team(session, far.id, viewer=make.viewer(hr))


def test_team_is_added_renamed_and_removed(session, make, hr):
    team = organisation.create_team(session, make.home, code="gold", name="Gold", by=make.actor(hr))
    seen = organisation.describe_team(team)

    organisation.update_team(session, team, name="Silver", version=team.version, seen=seen, by=make.actor(hr))
    assert team.name == "Silver"

    organisation.delete_team(session, team, by=make.actor(hr))
    assert session.scalars(select(Team)).all() == []


def test_second_editor_of_a_team_is_told(session, make, hr):
    team = make.team(name="Gold")

    with pytest.raises(ConflictError):
        organisation.update_team(
            session, team, name="Late", version=team.version + 1, seen={"Name": "Old"}, by=make.actor(hr)
        )


def test_team_with_people_or_a_lead_stays(session, make, hr):
    manned, led = make.team(), make.team()
    make.person(name="Ada", team=manned)
    make.person(roles=[Role.LEAD], leads=[led])

    with pytest.raises(DependencyError) as refused:
        organisation.delete_team(session, manned, by=make.actor(hr))
    assert refused.value.rows == ("Ada",)
    with pytest.raises(ConflictError):
        organisation.delete_team(session, led, by=make.actor(hr))


def test_time_zones_are_places():
    zones = organisation.list_time_zones()

    assert "Europe/Berlin" in zones
    assert not any(zone.startswith("Etc/") for zone in zones)
