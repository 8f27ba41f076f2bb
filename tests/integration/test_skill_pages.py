"""Pages of the catalogue and of the heat map."""

from __future__ import annotations

import pytest

from tests.factories import NOW
from webapp.models import Interest, LinkKind, Role
from webapp.services import catalogue, skill_links

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def hr(make):
    return make.person(name="Hanna", roles=[Role.HR], is_agent=False)


@pytest.fixture
def billing(make):
    return make.skill(name="Billing", code="billing", group=make.group(name="Money"))


def test_everybody_reads_the_catalogue_by_group(make, billing, sign_in):
    client = sign_in(make.person())

    page = client.get("/skills").text

    assert "Money" in page
    assert f'href="/skills/{billing.id}"' in page
    assert "Holders" not in page
    assert client.get("/skills?q=zzz&kind=product&group=1").status_code == 200


def test_the_catalogue_comes_as_csv_with_holders_for_those_who_see_records(make, billing, hr, sign_in):
    agent = make.person()
    make.record(agent, billing, 3)

    assert "billing,Billing,product,Money,,no,1" in sign_in(hr).get("/skills?format=csv").text
    assert "billing,Billing,product,Money,,no\r\n" in sign_in(agent).get("/skills?format=csv").text


def test_a_skill_shows_its_levels_links_uses_and_holders(make, billing, hr, sign_in):
    other = make.skill(name="Products")
    skill_links.add_link(make.session, billing, other_id=other.id, kind=LinkKind.PREREQUISITE, by=make.actor())
    make.engagement_type(name="Refund mail", requires={billing: 3})
    make.record(make.person(name="Ana"), billing, 4)

    page = sign_in(hr).get(f"/skills/{billing.id}").text

    for words in ("To learn first", "Products", "Refund mail", "Ana", "Link it to another skill"):
        assert words in page


def test_holders_come_as_csv_within_the_scope(make, billing, hr, sign_in):
    make.record(make.person(external_id="a1", name="Ana"), billing, 4, interest=Interest.GROW)
    make.record(make.person(name="Far", site=make.site()), billing, 5)

    text = sign_in(hr).get(f"/skills/{billing.id}/holders.csv").text

    assert "a1,Ana,,4,,no,grow" in text
    assert "Far" not in text


@pytest.fixture
def read_skill(database):
    """Return a function that reads a skill as the application left it."""

    def _read(skill_id):
        with database.reading() as session:
            return catalogue.get_skill(session, skill_id)

    return _read


def test_hr_adds_a_skill(read_skill, hr, sign_in):
    client = sign_in(hr)
    data = {"name": "Refunds", "code": "refunds", "kind": "product", "group": "Money", "level_3": "Alone."}

    answer = client.post("/skills/new", data=data)

    skill = read_skill(int(answer.location.rsplit("/", 1)[1]))
    assert client.get("/skills/new").status_code == 200
    assert {description.level: description.text for description in skill.level_descriptions} == {3: "Alone."}


@pytest.mark.parametrize("data", [{}, {"name": "Refunds", "code": "two words", "kind": "product"}])
def test_what_is_wrong_stands_beside_its_field(hr, sign_in, data):
    answer = sign_in(hr).post("/skills/new", data=data)

    assert answer.status_code == 422
    assert "field-error" in answer.text


def _form(page: str) -> dict[str, str]:
    version = page.partition('name="version" type="hidden" value="')[2].partition('"')[0]
    return {"version": version, "seen": "{}", "name": "Billing", "code": "billing", "kind": "product"}


def test_whoever_saves_second_sees_what_changed_and_may_save_again(make, billing, hr, sign_in):
    client = sign_in(hr)
    begun = _form(client.get(f"/skills/{billing.id}/edit").text)

    first = client.post(f"/skills/{billing.id}/edit", data=begun | {"name": "Bills"})
    second = client.post(f"/skills/{billing.id}/edit", data=begun | {"name": "Invoices"})
    again = client.post(f"/skills/{billing.id}/edit", data=_form(second.text) | {"name": "Invoices"})

    assert (first.status_code, second.status_code, again.status_code) == (302, 409, 302)
    assert "Bills" in second.text
    assert 'value="Invoices"' in second.text


def test_an_edit_that_is_wrong_is_refused(billing, make, hr, sign_in):
    make.skill(code="taken")
    client = sign_in(hr)
    form = _form(client.get(f"/skills/{billing.id}/edit").text)

    assert client.post(f"/skills/{billing.id}/edit", data=form | {"code": "taken"}).status_code == 422
    assert client.post(f"/skills/{billing.id}/edit", data=form | {"name": ""}).status_code == 422


def test_retiring_can_be_undone(make, billing, hr, sign_in):
    client = sign_in(hr)

    retired = client.post(f"/skills/{billing.id}/retire", follow_redirects=True).text
    restored = client.post(f"/skills/{billing.id}/restore")

    assert "This skill is retired" in retired
    assert f"/skills/{billing.id}/restore" in retired
    assert restored.status_code == 302
    assert client.post(f"/skills/{billing.id}/restore").status_code == 409


def test_links_are_made_removed_and_made_again(make, read_skill, billing, hr, sign_in):
    other = make.skill(name="Products")
    client = sign_in(hr)
    data = {"kind": "related", "other_id": str(other.id), "weight": "0.5"}

    made = client.post(f"/skills/{billing.id}/links", data=data)
    link = read_skill(billing.id).links[0]
    removed = client.post(f"/skills/{billing.id}/links/{link.id}/remove", follow_redirects=True).text
    back = f"/skills/{billing.id}/links/related/{other.id}?weight=0.5"
    again = client.post(back)

    assert (made.status_code, again.status_code) == (302, 302)
    assert back in removed
    assert [link.weight for link in read_skill(billing.id).links] == [0.5]
    assert client.post(f"/skills/{billing.id}/links/kin/{other.id}").status_code == 404


def test_a_circle_is_refused_in_words(make, billing, hr, sign_in):
    other = make.skill(name="Products")
    skill_links.add_link(make.session, other, other_id=billing.id, kind=LinkKind.PREREQUISITE, by=make.actor())

    data = {"kind": "prerequisite", "other_id": str(other.id), "weight": "1"}
    answer = sign_in(hr).post(f"/skills/{billing.id}/links", data=data)

    assert answer.status_code == 422
    assert "Billing needs Products needs Billing" in answer.text


@pytest.mark.parametrize("data", [{}, {"kind": "related", "other_id": "1", "weight": "5"}])
def test_a_link_of_the_wrong_shape_is_refused(billing, hr, sign_in, data):
    assert sign_in(hr).post(f"/skills/{billing.id}/links", data=data).status_code == 422


def test_only_those_who_keep_the_catalogue_change_it(make, billing, sign_in):
    client = sign_in(make.person(roles=[Role.AGENT, Role.SCHEDULER]))

    assert client.get("/skills/new").status_code == 403
    for path in ("edit", "retire", "restore", "links", "links/1/remove"):
        assert client.post(f"/skills/{billing.id}/{path}").status_code == 403


def test_an_unknown_skill_is_not_found(hr, sign_in):
    client = sign_in(hr)

    assert client.get("/skills/99").status_code == 404
    assert client.post("/skills/99/retire").status_code == 404


@pytest.fixture
def ours(make, billing):
    team = make.team(name="Ours", code="ours")
    make.record(make.person(name="Ana", team=team), billing, 4, interest=Interest.GROW)
    make.record(make.person(name="Ben", team=team), billing, 2, interest=Interest.RATHER_NOT)
    return team


@pytest.fixture
def lead(make, ours):
    return make.person(name="Lea", team=ours, roles=[Role.LEAD], leads=[ours])


def test_a_lead_sees_the_heat_map_of_their_team(make, ours, lead, sign_in):
    page = sign_in(lead).get("/heat-map").text

    assert "Ana, Billing: level 4 proficient, wants to grow it" in page
    assert "Ben, Billing: level 2 advanced beginner, would rather not" in page


def test_the_heat_map_is_filtered_sorted_and_comes_as_csv(ours, lead, billing, sign_in):
    client = sign_in(lead)
    query = f"team={ours.id}&q=bill&group=1&kind=product&level=1&sort=thinnest&best={billing.id}&on=2026-11-23"

    assert "Billing" in client.get(f"/heat-map?{query}").text
    assert "No skill to show" in client.get("/heat-map?level=5").text
    assert "Billing,Money,4,2,,2,1" in client.get("/heat-map?format=csv").text


def test_names_in_the_header_of_a_csv_are_no_formulas_either(make, sign_in):
    """People are columns of the heat map, and a team's code from an import becomes the name of the file."""
    team = make.team(code='gold"\u4e2d; x')
    make.record(make.person(name="=HYPERLINK(1)", team=team), make.skill(name="Chess"), 4)
    lead = make.person(name="Lea", team=team, roles=[Role.LEAD], leads=[team])

    answer = sign_in(lead).get("/heat-map?format=csv")

    assert "skill,group,'=HYPERLINK(1),Lea" in answer.text
    assert answer.headers["Content-Disposition"] == 'attachment; filename="heat-map-gold-x.csv"'


def test_the_heat_map_of_another_team_is_not_found(make, ours, lead, sign_in):
    other = make.team()

    assert sign_in(lead).get(f"/heat-map?team={other.id}").status_code == 404


def test_a_team_without_people_and_a_viewer_without_teams_are_told_so(make, sign_in):
    empty = make.team()
    lead = make.person(roles=[Role.LEAD], leads=[empty])
    hr = make.person(roles=[Role.HR], site=make.site())

    assert "Nobody is in this team" in sign_in(lead).get("/heat-map").text
    assert "There is no team yet" in sign_in(hr).get("/heat-map").text


def test_agents_have_no_heat_map(make, sign_in):
    assert sign_in(make.person()).get("/heat-map").status_code == 403


def test_retired_skills_are_listed_when_asked_for(make, billing, hr, sign_in):
    billing.retired_at = NOW
    client = sign_in(hr)

    assert "No skill matches" in client.get("/skills").text
    assert "Billing" in client.get("/skills?retired=1").text
