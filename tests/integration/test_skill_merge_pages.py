"""Pages on which skills are merged, renamed and given rules of holding."""

from __future__ import annotations

import pytest

from tests.factories import NOW
from webapp.models import Role, Skill, SkillEventKind, SkillMerge
from webapp.services import records
from webapp.services.records import NewEvent

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@pytest.fixture
def hr(make):
    return make.person(name="Hanna", roles=[Role.HR], is_agent=False)


@pytest.fixture
def pair(make):
    return make.skill(code="invoices", name="Invoices"), make.skill(code="billing", name="Billing")


def test_the_page_shows_what_would_move_and_changes_nothing(make, pair, hr, sign_in):
    make.engagement_type(name="Billing call", requires={pair[0]: 4, pair[1]: 2})
    client = sign_in(hr)

    page = client.get(f"/skills/{pair[0].id}/merge?target_id={pair[1].id}").text

    assert "Engagement type Billing call" in page
    assert "asked for both: one line stays" in page
    assert "Merge into Billing" in page
    make.session.expire_all()
    assert pair[0].merged_into_id is None


def test_merging_leads_to_the_target_with_an_undo(make, pair, hr, sign_in):
    invoices, billing = pair
    client = sign_in(hr)

    page = client.post(f"/skills/{invoices.id}/merge", data={"target_id": billing.id}, follow_redirects=True).text
    merge = make.session.query(SkillMerge).one()
    make.commit()

    assert "Invoices is part of Billing now." in page
    assert f"/skills/merges/{merge.id}/undo" in page
    assert "This skill is part of another one now" in client.get(f"/skills/{invoices.id}").text
    undone = client.post(f"/skills/merges/{merge.id}/undo", follow_redirects=True).text
    assert "Invoices stands alone again" in undone


@pytest.mark.parametrize(("target", "words"), [("itself", "Not a valid choice"), ("retired", "Not a valid choice")])
def test_a_target_that_cannot_be_is_refused_beside_the_field(make, pair, hr, sign_in, target, words):
    gone = make.skill()
    gone.retired_at = NOW
    target_id = pair[0].id if target == "itself" else gone.id

    answer = sign_in(hr).post(f"/skills/{pair[0].id}/merge", data={"target_id": target_id})

    assert answer.status_code == 422
    assert words in answer.text


def test_agents_do_not_merge_and_unknown_skills_are_not_found(make, pair, hr, sign_in):
    assert sign_in(make.person()).get(f"/skills/{pair[0].id}/merge").status_code == 403
    assert sign_in(hr).get("/skills/9999/merge").status_code == 404
    assert sign_in(hr).post("/skills/merges/9999/undo").status_code == 404


def test_an_undo_that_later_edits_hinder_says_which(make, pair, hr, sign_in):
    kind = make.engagement_type(name="Billing call", requires={pair[0]: 4})
    client = sign_in(hr)
    client.post(f"/skills/{pair[0].id}/merge", data={"target_id": pair[1].id})
    make.session.expire_all()
    kind.requirements[0].level = 1
    make.commit()

    answer = client.post("/skills/merges/1/undo")

    assert answer.status_code == 409
    assert "engagement type Billing call: was edited since" in answer.text


def form_of(skill, **changes):
    """Return what the edit form of a skill sends."""
    values = {"name": skill.name, "code": skill.code, "kind": skill.kind.value, "version": skill.version, "seen": "{}"}
    return {**values, **changes}


def test_a_renamed_skill_is_found_by_its_old_name_and_the_rename_can_be_taken_back(make, pair, hr, sign_in):
    billing = pair[1]
    client = sign_in(hr)

    page = client.post(
        f"/skills/{billing.id}/edit", data=form_of(billing, name="Bills", code="bills"), follow_redirects=True
    ).text

    assert "Billing is Bills now. The old name still finds it." in page
    assert "changed by Hanna" in page
    assert f'href="/skills/{billing.id}"' in client.get("/skills?q=Billing").text
    make.session.expire_all()
    back = {"name": "Billing", "code": "billing", "version": billing.version}
    make.commit()
    assert (
        "It is Billing again."
        in client.post(f"/skills/{billing.id}/rename-back", query_string=back, follow_redirects=True).text
    )
    make.session.expire_all()
    assert (billing.name, billing.code, billing.synonyms) == ("Billing", "billing", [])


def test_a_half_life_changes_the_levels_on_record(make, pair, hr, sign_in):
    billing, ana = pair[1], make.person()
    lead = make.person()
    at = NOW.replace(year=NOW.year - 1)
    event = NewEvent(ana.id, billing.id, SkillEventKind.REVIEW, level=4, at=at)
    records.append_events(make.session, [event], by=make.actor(lead, at=at))
    records.reproject(make.session, [(ana.id, billing.id)], NOW.date())
    client = sign_in(hr)

    client.post(f"/skills/{billing.id}/edit", data=form_of(billing, half_life_days="365"))

    make.session.expire_all()
    assert make.session.get(Skill, billing.id).half_life_days == 365
    assert records.get_record(make.session, ana.id, billing.id).effective_level == 2


def test_a_half_life_must_be_days(make, pair, hr, sign_in):
    answer = sign_in(hr).post(f"/skills/{pair[1].id}/edit", data=form_of(pair[1], half_life_days="0"))

    assert answer.status_code == 422
    assert "leave it empty for never" in answer.text


def test_a_skill_with_a_certificate_required_counts_for_nobody_without_one(make, pair, hr, sign_in):
    billing, ana = pair[1], make.person()
    make.record(ana, billing, 4)

    sign_in(hr).post(f"/skills/{billing.id}/edit", data=form_of(billing, certificate_required="y"))

    make.session.expire_all()
    assert records.get_record(make.session, ana.id, billing.id).effective_level == 0
