"""
Nobody raises their own level, by whatever road: the abuse cases of skill evidence, in one place.

Each tries one road as an agent or as somebody with more rights would, through the pages or the services that pages,
imports and commands share, and looks at the level that counts.
"""

from __future__ import annotations

import datetime as dt
import io
import json

import pytest

from tests.factories import NOW, TODAY
from tests.factories import badges as made
from webapp.errors import ForbiddenError
from webapp.models import Role, SkillEvent, SkillEventKind
from webapp.services import evidence, evidence_endorsements, records
from webapp.services.evidence import NewEvidence
from webapp.services.projection import EVIDENCE_KINDS
from webapp.services.records import NewEvent

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

OWN_KEY = made.new_key("EC")


@pytest.fixture
def team(make):
    return make.team()


@pytest.fixture
def eve(make, team):
    """Return an agent who would like to be level 5."""
    return make.person(name="Eve", team=team, email=made.ADDRESS)


@pytest.fixture
def skill(make):
    return make.skill(name="Refunds", code="refunds")


@pytest.fixture
def counts(database, skill):
    """Return a function that reads the level that counts for a person, a year ahead as well."""

    def _counts(person):
        with database.reading() as session:
            days = (TODAY, TODAY + dt.timedelta(days=365))
            return max(records.levels_on(session, [person.id], day)[person.id].get(skill.id, 0) for day in days)

    return _counts


def test_no_form_of_an_agent_takes_a_level_that_counts(make, team, eve, skill, sign_in, counts):
    """Each page that an agent may post to is sent everything that a record or an event has, in a form of its own."""
    ben = make.person(team=team)
    records.claim_level(make.session, ben, skill_id=skill.id, level=1, by=make.actor(ben))
    forged = {
        "person_id": eve.id,
        "author_id": ben.id,
        "by_id": ben.id,
        "kind": "review",
        "level": "5",
        "validated_level": "5",
        "effective_level": "5",
        "validated_by": "review",
        "state": "accepted",
        "decided_by_id": ben.id,
        "source": "import",
        "title": "x",
        "skill_id": skill.id,
    }
    client = sign_in(eve)

    for address in (
        f"/my/skills/{skill.id}/claim",
        f"/my/skills/{skill.id}/evidence",
        f"/my/skills/{skill.id}/confirm",
        f"/my/skills/{skill.id}/interest/grow",
        f"/my/skills/{skill.id}/withdraw",
        "/my/skills/badges/add",
        f"/colleagues/{ben.id}/skills/{skill.id}",
        "/my/data",
    ):
        client.post(address, data={**forged, "kind": "certificate"})
        client.post(address, data=forged)

    assert counts(eve) == 0


def test_no_page_of_those_who_assess_is_open_to_an_agent(make, eve, skill, sign_in, counts):
    records.claim_level(make.session, eve, skill_id=skill.id, level=5, by=make.actor(eve))
    record = records.get_record(make.session, eve.id, skill.id)
    brought = NewEvidence(skill.id, SkillEventKind.CERTIFICATE, 5, "Mine")
    submission = evidence.submit(make.session, eve, brought, by=make.actor(eve))
    client = sign_in(eve)

    answers = {
        client.post(address, data={"level": "5", "note": "x", "after": ""}).status_code
        for address in (
            f"/reviews/{record.id}",
            f"/evidence/{submission.id}/accept",
            "/badge-issuers/new",
            "/badge-issuers/1/meanings",
        )
    }

    assert answers == {403}
    assert counts(eve) == 0


@pytest.mark.parametrize("kind", sorted(EVIDENCE_KINDS))
def test_no_kind_of_evidence_can_be_written_about_oneself(make, eve, skill, kind):
    event = NewEvent(eve.id, skill.id, kind, level=5)

    with pytest.raises(ForbiddenError, match="Nobody assesses themselves"):
        records.append_events(make.session, [event], by=make.actor(eve))


@pytest.mark.parametrize("kind", sorted(EVIDENCE_KINDS))
def test_evidence_that_names_its_own_subject_counts_for_nothing_even_in_the_log(make, eve, skill, kind, counts):
    """A restored log, or a bug elsewhere, may hold such a line; the projection looks away."""
    make.session.add(
        SkillEvent(person_id=eve.id, skill_id=skill.id, kind=kind, at=NOW, author_id=eve.id, level=5, count=9)
    )
    make.session.flush()
    records.reproject(make.session, [(eve.id, skill.id)], TODAY)
    make.commit()

    assert counts(eve) == 0


def test_a_self_made_badge_counts_for_nothing(eve, skill, sign_in, counts):
    """Her own key in the header, as her own did, and under the name of an issuer."""
    client = sign_in(eve)
    for document, header in (
        (made.credential(), {"jwk": OWN_KEY.as_dict(private=False)}),
        (made.credential(issuer=made.did_of(OWN_KEY)), {"kid": made.did_of(OWN_KEY)}),
        (made.assertion(id="urn:uuid:3"), {}),
    ):
        badge = made.token(document, OWN_KEY, **header).encode()
        data = {"file": (io.BytesIO(badge), "b.jwt"), "skill_id": str(skill.id), "level": "5"}
        client.post("/my/skills/badges/add", data=data)

    assert counts(eve) == 0


def test_a_hosted_badge_of_ones_own_site_counts_for_nothing(eve, skill, sign_in, counts):
    hosted = made.assertion(verification={"type": "hosted"}, id="https://eve.example/badge.json")
    data = {"file": (io.BytesIO(json.dumps(hosted).encode()), "b.json"), "skill_id": str(skill.id), "level": "5"}

    answer = sign_in(eve).post("/my/skills/badges/add", data=data)

    assert answer.status_code == 302
    assert counts(eve) == 0


def test_a_second_account_without_the_skill_has_no_word(make, team, eve, skill, sign_in, counts):
    """She claims level 5 in both accounts; a claim is no skill that one holds."""
    second = make.person(name="Eve too", team=team)
    for person in (eve, second):
        records.claim_level(make.session, person, skill_id=skill.id, level=5, by=make.actor(person))
    answers = [
        sign_in(author).post(f"/colleagues/{subject.id}/skills/{skill.id}", data={"level": "3"}).status_code
        for author, subject in ((eve, second), (second, eve))
    ]

    assert answers == [403, 403]
    assert counts(eve) == counts(second) == 0


def test_two_friends_do_not_lift_each_other_step_by_step(make, team, eve, skill, counts):
    """Each holds level 1 by a review; however often they endorse each other, the word of one is worth level 1."""
    friend = make.person(team=team)
    for person in (eve, friend):
        records.append_events(
            make.session, [NewEvent(person.id, skill.id, SkillEventKind.REVIEW, level=1)], by=make.actor()
        )
        records.reproject(make.session, [(person.id, skill.id)], TODAY)
    for round_ in range(4):
        at = NOW + dt.timedelta(minutes=round_)
        for author, subject in ((eve, friend), (friend, eve)):
            event_id = evidence_endorsements.endorse(
                make.session, author, colleague_id=subject.id, skill_id=skill.id, level=1, by=make.actor(author, at=at)
            )
            if round_ < 3:
                evidence_endorsements.take_back(make.session, event_id, by=make.actor(author, at=at))
    make.commit()

    assert counts(eve) == counts(friend) == 1


def test_a_whole_team_of_endorsers_reaches_its_ceiling_and_no_further(make, team, eve, skill, counts):
    records.claim_level(make.session, eve, skill_id=skill.id, level=5, by=make.actor(eve))
    for _ in range(8):
        expert = make.person(team=team)
        make.record(expert, skill, 5)
        evidence_endorsements.endorse(
            make.session, expert, colleague_id=eve.id, skill_id=skill.id, level=3, by=make.actor(expert)
        )
    make.commit()

    assert counts(eve) == 3


def test_a_late_role_does_not_help(make, team, eve, skill, sign_in, counts):
    """She brings a certificate as an agent, becomes a lead of her own team, and tries to accept it."""
    brought = NewEvidence(skill.id, SkillEventKind.CERTIFICATE, 5, "Mine")
    submission = evidence.submit(make.session, eve, brought, by=make.actor(eve))
    make._grant(eve, Role.LEAD, leads=[team], serves=[])
    make._grant(eve, Role.HR, leads=[], serves=[team.site])

    answer = sign_in(eve).post(f"/evidence/{submission.id}/accept", data={"level": "5"})

    assert answer.status_code == 404
    assert counts(eve) == 0


def test_an_import_of_ones_own_records_is_refused(make, eve, skill):
    """HR who works as an agent as well imports a file that names themselves: the writer of events refuses the row."""
    make._grant(eve, Role.HR, leads=[], serves=[eve.site])
    own = NewEvent(eve.id, skill.id, SkillEventKind.PROVISIONAL, level=5, import_batch_id=None)
    other = NewEvent(make.person().id, skill.id, SkillEventKind.PROVISIONAL, level=5)

    with pytest.raises(ForbiddenError):
        records.append_events(make.session, [other, own], by=make.actor(eve))
