"""The skills around a skill: picture, list and the weights of links."""

from __future__ import annotations

import pytest

from webapp.models import LinkKind, Role
from webapp.services import catalogue, skill_graph, skill_links
from webapp.services.skill_graph import Side

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def hr(make):
    return make.person(name="Hanna", roles=[Role.HR], is_agent=False)


@pytest.fixture
def family(make):
    """Refunds need billing, which needs products; billing belongs to money and resembles chat by half."""
    names = ("Refunds", "Billing", "Products", "Money", "Chat")
    skills = {name: make.skill(name=name, code=name.lower()) for name in names}
    links = [
        ("Refunds", "Billing", LinkKind.PREREQUISITE, 1.0),
        ("Billing", "Products", LinkKind.PREREQUISITE, 1.0),
        ("Billing", "Money", LinkKind.BROADER, 1.0),
        ("Billing", "Chat", LinkKind.RELATED, 0.5),
    ]
    for skill, other, kind, weight in links:
        skill_links.add_link(
            make.session, skills[skill], other_id=skills[other].id, kind=kind, weight=weight, by=make.actor()
        )
    make.session.flush()
    return skills


def link_to(skill, other):
    return next(link for link in skill.links if link.other_id == other.id)


def test_everybody_sees_what_stands_around_a_skill(make, family, sign_in):
    client = sign_in(make.person())

    page = client.get(f"/skills/{family['Billing'].id}/graph").text

    for name in ("Refunds", "Products", "Money", "Chat"):
        assert f'<a href="/skills/{family[name].id}"' in page
    assert 'class="skill-map"' in page
    assert "50 %" in page
    assert "weight-form" not in page


def test_a_map_keeps_the_direct_links_and_those_before_them(make, family):
    shown = skill_graph.map_skill(make.session, family["Refunds"])

    assert [(each.skill.name, each.layer) for each in shown.at(Side.NEEDS)] == [("Billing", 1), ("Products", 2)]
    assert {(link.skill_id, link.other_id) for link in shown.links} == {
        (family["Refunds"].id, family["Billing"].id),
        (family["Billing"].id, family["Products"].id),
    }


def test_what_contains_a_skill_is_listed_the_nearest_first(make, family):
    everything = make.skill(name="Everything")
    skill_links.add_link(make.session, family["Money"], other_id=everything.id, kind=LinkKind.BROADER, by=make.actor())

    assert [skill.name for skill in skill_links.list_broader(make.session, family["Billing"])] == [
        "Money",
        "Everything",
    ]


def test_the_list_comes_as_csv(make, family, sign_in):
    text = sign_in(make.person()).get(f"/skills/{family['Billing'].id}/graph?format=csv").text

    assert "needs,1,products,Products," in text
    assert "related,1,chat,Chat,0.5" in text


def test_a_skill_alone_has_no_picture(make, hr, sign_in):
    lonely = make.skill()

    page = sign_in(hr).get(f"/skills/{lonely.id}/graph").text

    assert "It stands alone so far" in page
    assert "skill-map" not in page.partition("<main")[2]


def test_hr_changes_a_weight_and_takes_it_back(make, family, hr, database, sign_in):
    client, billing = sign_in(hr), family["Billing"]
    link = link_to(billing, family["Chat"])
    base = f"/skills/{billing.id}/links/{link.id}/weight"

    changed = client.post(base, data={"weight": "0.75"}, follow_redirects=True).text
    with database.reading() as session:
        after = link_to(catalogue.get_skill(session, billing.id), family["Chat"]).weight
    client.post(f"{base}/restore?weight=0.5")
    with database.reading() as session:
        restored = link_to(catalogue.get_skill(session, billing.id), family["Chat"]).weight

    assert f"{base}/restore?weight=0.5" in changed
    assert (after, restored) == (0.75, 0.5)


@pytest.mark.parametrize("weight", ["0", "1.5", "lots", ""])
def test_a_weight_out_of_range_is_refused_beside_its_field(family, hr, sign_in, weight):
    billing = family["Billing"]
    link = link_to(billing, family["Chat"])

    answer = sign_in(hr).post(f"/skills/{billing.id}/links/{link.id}/weight", data={"weight": weight})

    assert answer.status_code == 422
    assert f'id="weight-{link.id}-error"' in answer.text


def test_only_related_skills_have_a_weight(family, hr, sign_in):
    billing = family["Billing"]
    link = link_to(billing, family["Money"])

    answer = sign_in(hr).post(f"/skills/{billing.id}/links/{link.id}/weight", data={"weight": "0.5"})

    assert answer.status_code == 422


def test_only_those_who_keep_the_catalogue_change_weights(make, family, sign_in):
    billing = family["Billing"]
    client = sign_in(make.person(roles=[Role.AGENT, Role.SCHEDULER]))

    assert client.post(f"/skills/{billing.id}/links/1/weight").status_code == 403
    assert client.post(f"/skills/{billing.id}/links/1/weight/restore").status_code == 403


def test_an_unknown_skill_or_link_is_not_found(family, hr, sign_in):
    client = sign_in(hr)

    assert client.get("/skills/99/graph").status_code == 404
    assert client.post(f"/skills/{family['Billing'].id}/links/99/weight", data={"weight": "1"}).status_code == 404
