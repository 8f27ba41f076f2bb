"""Who sees whom."""

from __future__ import annotations

import pytest

from webapp.errors import NotFoundError
from webapp.models import Role
from webapp.services import access
from webapp.services.access import Permission


def test_lead_sees_their_team_and_nobody_else(make):
    mine, other = make.team(), make.team()
    lead = make.person(roles=[Role.LEAD], leads=[mine])
    agent, stranger = make.person(team=mine), make.person(team=other)

    viewer = make.viewer(lead)

    assert access.get_person(make.session, agent.id, viewer=viewer, permission=Permission.VIEW_RECORDS) is agent
    with pytest.raises(NotFoundError):
        access.get_person(make.session, stranger.id, viewer=viewer, permission=Permission.VIEW_RECORDS)


def test_scheduler_serves_only_the_granted_sites(make):
    here, there = make.site(), make.site()
    scheduler = make.person(roles=[Role.SCHEDULER], site=here, serves=[here])

    viewer = make.viewer(scheduler)

    assert access.list_sites(make.session, viewer=viewer, permission=Permission.RUN_PLANS) == [here]
    with pytest.raises(NotFoundError):
        access.get_site(make.session, there.id, viewer=viewer, permission=Permission.RUN_PLANS)


def test_permission_of_one_role_does_not_widen_to_the_places_of_another(make):
    """A lead who is HR elsewhere reviews records of the team only, and edits people of the HR site only."""
    team, elsewhere = make.team(), make.site()
    both = make.person(roles=[Role.LEAD, Role.HR], leads=[team], serves=[elsewhere])

    viewer = make.viewer(both)

    assert viewer.scope(Permission.REVIEW_RECORDS).site_ids == frozenset()
    assert viewer.scope(Permission.REVIEW_RECORDS).team_ids == {team.id}
    assert viewer.scope(Permission.EDIT_PEOPLE).site_ids == {elsewhere.id}
    assert viewer.scope(Permission.EDIT_PEOPLE).team_ids == frozenset()


def test_agent_has_no_permission_over_other_people(make):
    agent, colleague = make.person(), make.person()

    viewer = make.viewer(agent)

    with pytest.raises(NotFoundError):
        access.get_person(make.session, colleague.id, viewer=viewer, permission=Permission.VIEW_PEOPLE)


def test_admin_reviews_nobody(make):
    """Administration is not a licence to assess people."""
    admin = make.person(roles=[Role.ADMIN])

    assert not make.viewer(admin).can(Permission.REVIEW_RECORDS)
