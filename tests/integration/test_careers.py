"""Service roles, steps and readiness."""

from __future__ import annotations

import dataclasses

import pytest
from sqlalchemy import select

from tests.factories import TODAY
from webapp.errors import ConflictError, DependencyError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent, Role, RoleRequirement, RoleStep, ServiceRole, StepKind
from webapp.services import careers, readiness
from webapp.services.careers import RequirementValues, RoleValues

VALUES = RoleValues(name="Senior agent", rung=2, pay_from=30_000, pay_to=36_000)


@pytest.fixture
def hr(make):
    return make.person(roles=[Role.HR])


def step(session, make, start, end, kind=StepKind.UP):
    return careers.add_step(session, start, to_role_id=end.id, kind=kind, by=make.actor())


def test_role_is_kept_with_what_it_asks_for(session, make):
    billing = make.skill(name="Billing")
    values = dataclasses.replace(VALUES, requirements=(RequirementValues(billing.id, 3, 2.0, gate=True),))

    role = careers.create_service_role(session, code="senior", values=values, by=make.actor())

    assert careers.values_of(role) == values
    assert careers.describe(role)["Requirements"] == "Billing 3 (gate) × 2"
    assert session.scalars(select(AuditEvent.action)).all() == ["create_service_role"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("name", {"name": " "}),
        ("rung", {"rung": 0}),
        ("pay_from", {"pay_from": -1}),
        ("pay_to", {"pay_to": 1}),
        ("currency", {"currency": "euro"}),
        ("requirements", {"requirements": (RequirementValues(999, 3),)}),
    ],
)
def test_wrong_values_are_refused_beside_their_field(session, make, field, change):
    with pytest.raises(InvalidInputError) as refused:
        careers.create_service_role(session, code="x", values=dataclasses.replace(VALUES, **change), by=make.actor())

    assert refused.value.field == field


@pytest.mark.parametrize("lines", [[(3, 1.0), (3, 1.0)], [(0, 1.0)], [(6, 1.0)], [(3, 0.0)], [(3, 101.0)]])
def test_wrong_requirements_are_refused(session, make, lines):
    billing = make.skill()
    requirements = tuple(RequirementValues(billing.id, level, weight) for level, weight in lines)

    with pytest.raises(InvalidInputError) as refused:
        careers.create_service_role(
            session, code="x", values=dataclasses.replace(VALUES, requirements=requirements), by=make.actor()
        )

    assert refused.value.field == "requirements"


@pytest.mark.parametrize("code", ["", "two words", "taken"])
def test_wrong_code_is_refused(session, make, code):
    make.service_role(code="taken")

    with pytest.raises(InvalidInputError) as refused:
        careers.create_service_role(session, code=code, values=VALUES, by=make.actor())

    assert refused.value.field == "code"


def test_requirements_are_changed_added_and_removed(session, make):
    billing, german, chat = make.skill(), make.skill(), make.skill()
    role = make.service_role(gates={billing: 2, german: 2})
    version = role.version
    wanted = (RequirementValues(german.id, 4, 1.5), RequirementValues(chat.id, 1))

    careers.update_service_role(
        session,
        role,
        values=dataclasses.replace(careers.values_of(role), requirements=wanted),
        version=version,
        seen=careers.describe(role),
        by=make.actor(),
    )

    session.expire_all()
    lines = session.scalars(select(RoleRequirement).order_by(RoleRequirement.skill_id)).all()
    assert [(line.skill_id, line.level, line.weight, line.gate) for line in lines] == [
        (german.id, 4, 1.5, False),
        (chat.id, 1, 1.0, False),
    ]
    assert role.version == version + 1


def test_second_editor_is_told_even_if_only_requirements_changed(session, make):
    billing = make.skill(name="Billing")
    role = make.service_role()
    seen, version = careers.describe(role), role.version
    change = dataclasses.replace(careers.values_of(role), requirements=(RequirementValues(billing.id, 3),))
    careers.update_service_role(session, role, values=change, version=version, seen=seen, by=make.actor())
    session.refresh(role)

    with pytest.raises(ConflictError) as refused:
        careers.update_service_role(session, role, values=VALUES, version=version, seen=seen, by=make.actor())

    assert refused.value.changes == {"Requirements": ("", "Billing 3 × 1")}


def test_role_that_somebody_holds_stays(session, make):
    role = make.service_role()
    make.person(name="Ada", service_role_id=role.id)

    with pytest.raises(DependencyError) as refused:
        careers.delete_service_role(session, role, by=make.actor())

    assert refused.value.rows == ("Ada",)


def test_role_leaves_with_the_steps_to_and_from_it(session, make):
    low, middle, high = (make.service_role(rung=rung) for rung in (1, 2, 3))
    step(session, make, low, middle)
    step(session, make, middle, high)

    careers.delete_service_role(session, middle, by=make.actor())

    assert session.get(ServiceRole, middle.id) is None
    assert session.scalars(select(RoleStep)).all() == []


def test_unknown_role_is_not_found(session):
    with pytest.raises(NotFoundError):
        careers.get_service_role(session, 999)


def test_circle_of_steps_up_is_refused_by_name(session, make):
    low, middle, high = (make.service_role(name=name) for name in ("Low", "Middle", "High"))
    step(session, make, low, middle)
    step(session, make, middle, high)

    with pytest.raises(InvalidInputError, match=r"Low → Middle → High|Middle → High → Low|High → Low → Middle"):
        step(session, make, high, low)

    assert len(session.scalars(select(RoleStep)).all()) == 2
    assert step(session, make, high, low, StepKind.ACROSS).kind is StepKind.ACROSS


def test_step_leads_to_another_role_once(session, make):
    low, high = make.service_role(), make.service_role()
    step(session, make, low, high)

    with pytest.raises(ConflictError):
        step(session, make, low, high)
    with pytest.raises(InvalidInputError):
        step(session, make, low, low)
    with pytest.raises(InvalidInputError):
        careers.add_step(session, low, to_role_id=999, kind=StepKind.UP, by=make.actor())


def test_step_is_removed_from_its_own_role(session, make):
    low, high = make.service_role(), make.service_role()
    line = step(session, make, low, high)

    with pytest.raises(NotFoundError):
        careers.remove_step(session, high, line.id, by=make.actor())
    careers.remove_step(session, low, line.id, by=make.actor())

    assert careers.list_steps_to(session, high) == []


def test_holders_are_counted_while_active(session, make):
    role = make.service_role()
    make.person(service_role_id=role.id)
    make.person(service_role_id=role.id, active=False)

    assert careers.count_holders(session) == {role.id: 1}


def test_path_names_the_next_step_and_what_is_missing(session, make):
    billing, german = make.skill(name="Billing"), make.skill(name="German")
    low = make.service_role(rung=1, gates={billing: 2})
    near, far = make.service_role(rung=2, gates={billing: 3}), make.service_role(rung=2, gates={billing: 5, german: 5})
    beside = make.service_role(rung=1)
    for end, kind in ((far, StepKind.UP), (near, StepKind.UP), (beside, StepKind.ACROSS)):
        step(session, make, low, end, kind)
    ada = make.person(service_role_id=low.id)
    make.record(ada, billing, 2)

    path = readiness.path_of(session, ada, on=TODAY)

    assert path.held == low
    assert path.next_step is not None
    assert path.next_step.role is near
    assert [(line.skill.name, line.gap.has, line.gap.needs) for line in path.next_step.gaps] == [("Billing", 2, 3)]
    assert {line.role.id: line.step for line in path.roles} == {
        low.id: None, near.id: StepKind.UP, far.id: StepKind.UP, beside.id: StepKind.ACROSS
    }  # fmt: skip
    assert [line.role.id for line in path.roles if line.held] == [low.id]


def test_newcomer_without_a_role_starts_at_the_lowest_entry(session, make):
    entry, _odd, high = make.service_role(rung=1), make.service_role(rung=4), make.service_role(rung=2)
    make.service_role(rung=1, outside=True)
    step(session, make, entry, high)

    path = readiness.path_of(session, make.person(), on=TODAY)

    assert path.next_step is not None
    assert path.next_step.role is entry
    assert not any(line.role.outside for line in path.roles)
    assert not path.top


def test_top_of_the_ladder_has_no_next_step(session, make):
    top = make.service_role()

    path = readiness.path_of(session, make.person(service_role_id=top.id), on=TODAY)

    assert path.next_step is None
    assert path.top


def test_path_without_a_ladder_is_empty(session, make):
    path = readiness.path_of(session, make.person(), on=TODAY)

    assert (path.roles, path.next_step, path.top) == ((), None, False)


def test_people_are_listed_by_readiness_within_the_scope(session, make, hr):
    billing, german = make.skill(), make.skill()
    role = make.service_role(gates={billing: 4})
    session.add(RoleRequirement(service_role_id=role.id, skill_id=german.id, level=4, weight=3.0, gate=False))
    session.flush()
    session.refresh(role)
    gate_met, gate_unmet, holder = (
        make.person(name="Gate met"),
        make.person(name="Gate unmet"),
        make.person(service_role_id=role.id),
    )
    far = make.person(site=make.site())
    make.record(gate_met, billing, 4)
    for person in (gate_unmet, holder, far):
        make.record(person, german, 5)

    near = readiness.list_by_readiness(session, role, viewer=make.viewer(hr), on=TODAY)

    assert [line.person.name for line in near][:2] == ["Gate met", "Gate unmet"]
    assert near[0].readiness.share == pytest.approx(1 / 4)
    assert near[1].readiness.share == pytest.approx(3 / 4)
    assert not {holder.id, far.id} & {line.person.id for line in near}
