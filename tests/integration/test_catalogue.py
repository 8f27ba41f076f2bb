"""The skill catalogue and the links between skills."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError, DependencyError, InvalidInputError, NotFoundError
from webapp.models import AuditEvent, LinkKind, Role, SkillKind
from webapp.services import catalogue, skill_links
from webapp.services.catalogue import CatalogueFilter, SkillEntry


def entry(**values) -> SkillEntry:
    return SkillEntry(**{"code": "refunds", "name": "Refunds", "kind": SkillKind.PRODUCT, **values})


def actions(session) -> list[str]:
    return list(session.scalars(select(AuditEvent.action).order_by(AuditEvent.id)))


def test_a_skill_is_added_with_its_group_and_levels(session, make):
    skill = catalogue.create_skill(
        session, entry(code=" Refunds-EU ", group="Money back", levels={1: "Finds the form.", 3: "  "}), by=make.actor()
    )

    assert skill.group is not None
    assert (skill.code, skill.group.code) == ("refunds-eu", "money-back")
    assert catalogue.describe(skill).levels == {1: "Finds the form."}
    assert actions(session) == ["create_skill"]


def test_a_group_that_is_there_is_used_whatever_its_case(session, make):
    group = make.group(name="Money")

    skill = catalogue.create_skill(session, entry(group="money"), by=make.actor())

    assert skill.group is group


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"code": "two words"}, "code"),
        ({"code": ""}, "code"),
        ({"code": "x" * 81}, "code"),
        ({"code": "taken"}, "code"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"description": "x" * 2001}, "description"),
        ({"levels": {4: "x" * 2001}}, "level_4"),
        ({"group": "x" * 201}, "group"),
        ({"group": "Money !"}, "group"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(session, make, values, field):
    make.skill(code="taken")
    make.group(code="money", name="Money.")

    with pytest.raises(InvalidInputError) as caught:
        catalogue.create_skill(session, entry(**values), by=make.actor())

    assert caught.value.field == field


def test_an_edit_changes_levels_and_counts_as_a_version(session, make):
    skill = catalogue.create_skill(session, entry(levels={1: "One.", 2: "Two."}), by=make.actor())
    seen = skill.version

    catalogue.edit_skill(
        session, skill, entry(levels={2: "Second.", 3: "Three."}), version=seen, seen={}, by=make.actor()
    )

    session.expire_all()
    again = catalogue.get_skill(session, skill.id)
    assert catalogue.describe(again).levels == {2: "Second.", 3: "Three."}
    assert again.version == seen + 1


def test_the_loser_of_a_race_sees_what_changed(session, make):
    skill = catalogue.create_skill(session, entry(), by=make.actor())
    begun = {"version": skill.version, "seen": catalogue.words(skill), "by": make.actor()}
    catalogue.edit_skill(session, skill, entry(name="Money back", levels={2: "Their words."}), **begun)

    with pytest.raises(ConflictError) as caught:
        catalogue.edit_skill(session, skill, entry(levels={2: "My words."}), **begun)

    assert caught.value.changes == {"Name": ("Refunds", "Money back"), "Level 2": ("", "Their words.")}


def test_retiring_keeps_the_skill_and_restoring_brings_it_back(session, make):
    skill = make.skill()
    anybody = make.viewer(make.person())

    catalogue.retire_skill(session, skill, by=make.actor())
    hidden = catalogue.list_skills(session, CatalogueFilter(), viewer=anybody)
    shown = catalogue.list_skills(session, CatalogueFilter(retired=True), viewer=anybody)
    with pytest.raises(ConflictError):
        catalogue.retire_skill(session, skill, by=make.actor())
    catalogue.restore_skill(session, skill, by=make.actor())

    assert (hidden, [line.skill for line in shown]) == ([], [skill])
    assert skill.retired_at is None
    assert actions(session) == ["retire_skill", "restore_skill"]
    with pytest.raises(ConflictError):
        catalogue.restore_skill(session, skill, by=make.actor())


def test_a_skill_that_work_asks_for_does_not_retire(session, make):
    skill = make.skill()
    make.engagement_type(name="Refund mail", requires={skill: 2})

    with pytest.raises(DependencyError) as caught:
        catalogue.retire_skill(session, skill, by=make.actor())

    assert caught.value.rows == ("Refund mail",)


def test_the_list_is_filtered_by_text_group_and_kind(session, make):
    money = make.group(name="Money")
    refunds = make.skill(name="Refunds 100%", group=money)
    spanish = make.skill(name="Spanish", kind=SkillKind.LANGUAGE)
    viewer = make.viewer(make.person())

    def found(**values):
        return [line.skill for line in catalogue.list_skills(session, CatalogueFilter(**values), viewer=viewer)]

    assert found() == [refunds, spanish]
    assert found(text="100%") == [refunds]
    assert found(text="%") == [refunds]
    assert found(group_id=money.id) == [refunds]
    assert found(kind=SkillKind.LANGUAGE) == [spanish]


def test_holders_are_those_whom_the_viewer_may_see_and_the_best_first(session, make):
    ours, theirs = make.team(), make.team()
    lead = make.person(roles=[Role.LEAD], leads=[ours])
    skill = make.skill()
    ana, ben, cleo = make.person(name="Ana", team=ours), make.person(name="Ben", team=ours), make.person(team=theirs)
    for person, level in ((ana, 2), (ben, 4), (cleo, 5)):
        make.record(person, skill, level)

    holders = catalogue.list_holders(session, skill, TODAY, viewer=make.viewer(lead))
    (line,) = catalogue.list_skills(session, CatalogueFilter(), viewer=make.viewer(lead))

    assert [(holder.person, holder.projection.effective_level) for holder in holders] == [(ben, 4), (ana, 2)]
    assert line.holders == 2


def test_an_unknown_skill_is_not_found(session):
    with pytest.raises(NotFoundError):
        catalogue.get_skill(session, 7)


def test_only_active_types_count_as_uses(session, make):
    skill = make.skill()
    make.engagement_type(name="Old mail", requires={skill: 2}, active=False)
    make.engagement_type(name="Refund mail", requires={skill: 3})

    assert [use.engagement_type.name for use in catalogue.list_uses(session, skill)] == ["Refund mail"]


def test_prerequisites_are_listed_in_the_order_of_learning(session, make):
    refunds, billing, products = make.skill(name="Refunds"), make.skill(name="Billing"), make.skill(name="Products")
    by = make.actor()
    skill_links.add_link(session, refunds, other_id=billing.id, kind=LinkKind.PREREQUISITE, by=by)
    skill_links.add_link(session, billing, other_id=products.id, kind=LinkKind.PREREQUISITE, by=by)

    assert skill_links.list_path(session, refunds) == [products, billing]
    assert [link.skill for link in skill_links.list_dependents(session, products)] == [billing]


@pytest.mark.parametrize(("kind", "verb"), [(LinkKind.PREREQUISITE, "needs"), (LinkKind.BROADER, "belongs to")])
def test_a_circle_is_refused_and_named(session, make, kind, verb):
    refunds, billing, products = make.skill(name="Refunds"), make.skill(name="Billing"), make.skill(name="Products")
    skill_links.add_link(session, refunds, other_id=billing.id, kind=kind, by=make.actor())
    skill_links.add_link(session, billing, other_id=products.id, kind=kind, by=make.actor())

    with pytest.raises(InvalidInputError) as caught:
        skill_links.add_link(session, products, other_id=refunds.id, kind=kind, by=make.actor())

    assert f"Products {verb} Refunds {verb} Billing {verb} Products." in str(caught.value)


def test_related_skills_may_point_at_each_other_with_a_weight(session, make):
    mail, chat = make.skill(name="Mail"), make.skill(name="Chat")

    skill_links.add_link(session, mail, other_id=chat.id, kind=LinkKind.RELATED, weight=0.5, by=make.actor())
    back = skill_links.add_link(session, chat, other_id=mail.id, kind=LinkKind.RELATED, weight=0.25, by=make.actor())

    assert back.weight == 0.25


@pytest.mark.parametrize("weight", [0, -1, 1.5])
def test_a_weight_is_a_share(session, make, weight):
    mail, chat = make.skill(), make.skill()

    with pytest.raises(InvalidInputError):
        skill_links.add_link(session, mail, other_id=chat.id, kind=LinkKind.RELATED, weight=weight, by=make.actor())


def test_a_link_is_made_once_to_another_skill_that_exists(session, make):
    mail, chat = make.skill(), make.skill()
    skill_links.add_link(session, mail, other_id=chat.id, kind=LinkKind.RELATED, by=make.actor())

    for other_id, error in ((chat.id, InvalidInputError), (mail.id, InvalidInputError), (99, NotFoundError)):
        with pytest.raises(error):
            skill_links.add_link(session, mail, other_id=other_id, kind=LinkKind.RELATED, by=make.actor())


def test_a_link_can_be_removed_from_its_own_skill_only(session, make):
    mail, chat = make.skill(), make.skill()
    link = skill_links.add_link(session, mail, other_id=chat.id, kind=LinkKind.PREREQUISITE, by=make.actor())

    with pytest.raises(NotFoundError):
        skill_links.remove_link(session, chat, link.id, by=make.actor())
    skill_links.remove_link(session, mail, link.id, by=make.actor())

    assert skill_links.list_path(session, mail) == []
    assert actions(session) == ["link_skill", "unlink_skill"]


def test_retired_skills_are_not_offered(session, make):
    kept, gone = make.skill(name="Kept"), make.skill(name="Gone")
    gone.retired_at = NOW

    assert list(catalogue.list_current_skills(session)) == [kept]
