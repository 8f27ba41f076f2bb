"""Engagement types: the rules of what a kind of work may ask for."""

from __future__ import annotations

import dataclasses

import pytest

from tests.factories import NOW
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import Channel, EngagementState, Role, Stance
from webapp.services import audit, engagement_types
from webapp.services.engagement_types import RequirementDraft, TypeDraft, TypeFilter

PLAIN = TypeDraft(
    code="invoice", name="Invoice question", channel=Channel.EMAIL, stance=Stance.REACTIVE, handle_minutes=12
)


def test_a_type_keeps_what_it_asks_for(make):
    billing, spanish = make.skill(name="Billing"), make.skill(name="Spanish")
    draft = dataclasses.replace(
        PLAIN, requirements=(RequirementDraft(billing.id, 3, 2.0), RequirementDraft(spanish.id, 2, preferred=True))
    )

    kind = engagement_types.create_type(make.session, draft=draft, by=make.actor())

    assert [(line.skill.name, line.level, line.weight, line.preferred) for line in kind.requirements] == [
        ("Billing", 3, 2.0, False),
        ("Spanish", 2, 1.0, True),
    ]
    assert [event.action for event in audit.history(make.session, kind)] == ["add_engagement_type"]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("code", {"code": " "}),
        ("code", {"code": "x" * 81}),
        ("name", {"name": ""}),
        ("handle_minutes", {"handle_minutes": 0}),
        ("handle_minutes", {"handle_minutes": float("nan")}),
        ("handle_minutes", {"handle_minutes": 1441}),
        ("median_handle_minutes", {"median_handle_minutes": -1}),
        ("concurrency", {"concurrency": 0}),
        ("concurrency", {"concurrency": 21}),
        ("concurrency", {"channel": Channel.VOICE, "concurrency": 2}),
        ("value", {"value": -1}),
        ("value", {"value": float("inf")}),
        ("requirements", {"requirements": (RequirementDraft(999, 3),)}),
    ],
)
def test_a_type_that_breaks_a_rule_is_refused_beside_its_field(make, field, change):
    with pytest.raises(InvalidInputError) as refused:
        engagement_types.create_type(make.session, draft=dataclasses.replace(PLAIN, **change), by=make.actor())

    assert refused.value.field == field


@pytest.mark.parametrize("line", [{"level": 0}, {"level": 6}, {"weight": 0.0}, {"weight": 101.0}])
def test_a_requirement_outside_its_range_is_refused(make, line):
    requirement = RequirementDraft(**({"skill_id": make.skill().id, "level": 3} | line))

    with pytest.raises(InvalidInputError):
        engagement_types.create_type(
            make.session, draft=dataclasses.replace(PLAIN, requirements=(requirement,)), by=make.actor()
        )


def test_a_skill_that_is_listed_twice_is_named(make):
    skill = make.skill(name="Billing")
    draft = dataclasses.replace(PLAIN, requirements=(RequirementDraft(skill.id, 3), RequirementDraft(skill.id, 4)))

    with pytest.raises(InvalidInputError, match="Billing is listed twice"):
        engagement_types.create_type(make.session, draft=draft, by=make.actor())


def test_a_retired_skill_stays_but_is_not_added(make):
    retired = make.skill(name="Fax")
    kind = make.engagement_type(code="old", requires={retired: 2})
    retired.retired_at = NOW
    draft = dataclasses.replace(PLAIN, requirements=(RequirementDraft(retired.id, 3),))

    with pytest.raises(InvalidInputError, match="Fax is retired"):
        engagement_types.create_type(make.session, draft=draft, by=make.actor())
    kept = engagement_types.update_type(make.session, kind, draft=draft, version=kind.version, seen={}, by=make.actor())

    assert kept.requirements[0].level == 3
    assert [skill.name for skill in engagement_types.list_skill_choices(make.session)] == []
    assert [skill.name for skill in engagement_types.list_skill_choices(make.session, keep=[retired.id])] == ["Fax"]


def test_a_code_that_is_taken_is_refused(make):
    make.engagement_type(code="invoice", name="Bills")

    with pytest.raises(InvalidInputError, match="Bills has the code 'invoice' already"):
        engagement_types.create_type(make.session, draft=PLAIN, by=make.actor())


def test_a_change_of_requirements_alone_counts_as_a_new_version(make):
    """Otherwise whoever saves second would silently undo it."""
    billing, spanish = make.skill(name="Billing"), make.skill(name="Spanish")
    kind = make.engagement_type(requires={billing: 2}, code="invoice", name="Invoice question")
    draft = dataclasses.replace(PLAIN, handle_minutes=15, requirements=(RequirementDraft(spanish.id, 4),))
    seen, version = engagement_types.describe_type(kind), kind.version

    engagement_types.update_type(make.session, kind, draft=draft, version=version, seen=seen, by=make.actor())

    assert kind.version == version + 1
    with pytest.raises(ConflictError) as lost:
        engagement_types.update_type(make.session, kind, draft=PLAIN, version=version, seen=seen, by=make.actor())
    assert lost.value.changes == {"Requirements": ("Billing 2 × 1", "Spanish 4 × 1")}


def test_saving_without_a_change_writes_no_event(make):
    kind = make.engagement_type(code="invoice", name="Invoice question", handle_minutes=12)

    engagement_types.update_type(make.session, kind, draft=PLAIN, version=kind.version, seen={}, by=make.actor())

    assert audit.history(make.session, kind) == []


def test_a_retired_type_leaves_the_list_and_comes_back(make):
    kind = make.engagement_type(name="Fax")

    engagement_types.retire_type(make.session, kind, by=make.actor())

    assert engagement_types.list_types(make.session) == []
    assert engagement_types.count_types(make.session, wanted=TypeFilter(retired=True)) == 1
    with pytest.raises(ConflictError):
        engagement_types.retire_type(make.session, kind, by=make.actor())

    engagement_types.restore_type(make.session, kind, by=make.actor())

    assert engagement_types.list_types(make.session) == [kind]
    with pytest.raises(ConflictError):
        engagement_types.restore_type(make.session, kind, by=make.actor())


def test_filters_narrow_the_list(make):
    skill = make.skill()
    wanted = make.engagement_type(
        name="Refund 100%", channel=Channel.CHAT, stance=Stance.PROACTIVE, requires={skill: 2}, handle_minutes=5
    )
    make.engagement_type(name="Refund 1000", handle_minutes=50)

    for narrow in (
        TypeFilter(text="100%"),
        TypeFilter(channel=Channel.CHAT),
        TypeFilter(stance=Stance.PROACTIVE),
        TypeFilter(skill_id=skill.id),
    ):
        assert engagement_types.list_types(make.session, wanted=narrow) == [wanted]


def test_the_list_is_sorted_by_an_allowed_column_only(make):
    short, long = make.engagement_type(name="B", handle_minutes=5), make.engagement_type(name="A", handle_minutes=50)

    assert engagement_types.list_types(make.session, sort="-minutes") == [long, short]
    assert engagement_types.list_types(make.session, sort="minutes") == [short, long]
    assert engagement_types.list_types(make.session, sort="password") == [long, short]


def test_an_unknown_type_is_not_found(make):
    with pytest.raises(NotFoundError):
        engagement_types.get_type(make.session, 1)


def test_waiting_work_is_counted_in_the_viewers_sites_only(make):
    here, there, kind = make.site(), make.site(), make.engagement_type()
    make.engagement(kind, site=here)
    make.engagement(kind, site=here, state=EngagementState.DONE)
    make.engagement(kind, site=there)
    viewer = make.viewer(make.person(roles=[Role.SCHEDULER], site=here))

    assert engagement_types.count_waiting(make.session, [kind.id], viewer=viewer) == {kind.id: 1}
