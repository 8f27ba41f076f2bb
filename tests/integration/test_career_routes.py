"""The ways of a person to a role."""

from __future__ import annotations

from tests.factories import TODAY
from webapp.models import RoleStep, StepKind
from webapp.services import career_flaws, career_routes, careers, readiness


def link(session, *steps):
    """Add steps as (from, to, kind)."""
    session.add_all([RoleStep(from_role_id=one.id, to_role_id=other.id, kind=kind) for one, other, kind in steps])
    session.flush()


def test_ways_go_up_and_across_with_what_is_missing_for_each_step(session, make):
    """Straight: billing 0 → 4 takes 12 months. Across first: billing 3 for 6, then billing 4 for 6, in two steps."""
    billing = make.skill(name="Billing")
    low, beside = make.service_role(), make.service_role(gates={billing: 3})
    high = make.service_role(rung=2, gates={billing: 4})
    link(session, (low, beside, StepKind.ACROSS), (beside, high, StepKind.UP), (low, high, StepKind.UP))

    ways = career_routes.find_ways(readiness.path_of(session, make.person(service_role_id=low.id), on=TODAY))

    straight, around = ways.routes
    assert (ways.target, straight.months, around.months) == (high, 12, 12)
    assert [(step.role, step.kind, step.months) for step in around.steps] == [
        (beside, StepKind.ACROSS, 6),
        (high, StepKind.UP, 6),
    ]
    assert [(line.skill, line.gap.has, line.gap.needs) for line in around.steps[1].gaps] == [(billing, 3, 4)]
    assert [(gain.skill, gain.level, gain.months) for gain in ways.gains] == [(billing, 1, 1)]


def test_newcomer_begins_at_an_entry(session, make):
    entry, high = make.service_role(rung=1), make.service_role(rung=2)
    link(session, (entry, high, StepKind.UP))

    ways = career_routes.find_ways(readiness.path_of(session, make.person(), on=TODAY), target_id=high.id)

    assert [step.role for step in ways.routes[0].steps] == [entry, high]


def test_somebody_from_elsewhere_begins_at_the_step_into_service_and_no_way_leads_through_the_outside(session, make):
    shop, low, high = make.service_role(outside=True), make.service_role(), make.service_role(rung=2)
    far = make.service_role(rung=2, outside=True)
    link(session, (shop, low, StepKind.UP), (low, far, StepKind.UP), (far, high, StepKind.UP))
    path = readiness.path_of(session, make.person(service_role_id=shop.id), on=TODAY)

    assert [step.role for step in career_routes.find_ways(path).routes[0].steps] == [low]
    assert career_routes.find_ways(path, target_id=high.id).routes == ()


def test_nothing_is_asked_about_where_no_step_leads_up(session, make):
    top, other = make.service_role(rung=2), make.service_role()

    ways = career_routes.find_ways(readiness.path_of(session, make.person(service_role_id=top.id), on=TODAY))

    assert (ways.target, ways.routes, ways.choices) == (None, (), (other,))


def test_ladder_with_more_ways_than_are_compared_shows_none(session, make):
    low, high = make.service_role(), make.service_role(rung=2)
    link(session, (low, high, StepKind.UP))
    path = readiness.path_of(session, make.person(service_role_id=low.id), on=TODAY)

    ways = career_routes.find_ways(path, most_states=0)

    assert (ways.target, ways.routes, ways.too_many) == (high, (), True)


def test_role_that_other_departments_reach_is_reached(session, make):
    """Fitter leads into the specialist's role from outside; nobody gets to the stray one."""
    make.service_role(rung=1)
    specialist, stray = make.service_role(rung=3), make.service_role(rung=3)
    fitter = make.service_role(outside=True)
    link(session, (fitter, specialist, StepKind.UP))
    session.expire_all()

    flaws = career_flaws.find_flaws(careers.list_service_roles(session))

    assert flaws.unreachable == (stray,)
    assert flaws.leading_out == ()
