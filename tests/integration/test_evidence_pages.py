"""Pages of evidence: bringing it on a phone, deciding on it, endorsing colleagues, trusting issuers."""

from __future__ import annotations

import datetime as dt
import io
import json

import pytest

from tests.factories import NOW, TODAY
from tests.factories import badges as made
from webapp.models import EvidenceSubmission, Role, SkillEvent, SkillEventKind, SubmissionState
from webapp.services import attachments, evidence, evidence_issuers, records
from webapp.services.evidence import NewEvidence
from webapp.services.evidence_issuers import IssuerValues
from webapp.services.records import NewEvent

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

KEY = made.new_key("OKP")
PDF = b"%PDF-1.7 a certificate"


@pytest.fixture
def team(make):
    return make.team(name="Ours")


@pytest.fixture
def ana(make, team):
    return make.person(name="Ana", team=team, email=made.ADDRESS)


@pytest.fixture
def lea(make, team):
    return make.person(name="Lea", roles=[Role.LEAD], leads=[team])


@pytest.fixture
def hr(make):
    return make.person(name="Hana", roles=[Role.HR])


@pytest.fixture
def spanish(make):
    return make.skill(name="Spanish", code="spanish")


@pytest.fixture
def read(database):
    """Return a function that reads what the application left, with a session."""

    def _read(question):
        with database.reading() as session:
            return question(session)

    return _read


@pytest.fixture
def levels(read):
    """Return a function that reads a person's effective levels."""
    return lambda person: read(lambda session: records.levels_on(session, [person.id], TODAY)[person.id])


def certificate(**changes):
    return {"kind": "certificate", "title": "DELE B2", "level": "4", "note": "", **changes}


def sent(content, name="dele.pdf"):
    return (io.BytesIO(content), name)


def submit(make, person, skill, **changes):
    values = {"kind": SkillEventKind.CERTIFICATE, "level": 4, "title": "DELE B2", **changes}
    return evidence.submit(make.session, person, NewEvidence(skill.id, **values), by=make.actor(person))


def test_a_claim_takes_a_link_and_a_photo(ana, spanish, sign_in, read):
    client = sign_in(ana)
    data = {"level": "4", "note": "", "link": "https://example.org/me", "file": sent(b"\xff\xd8\xff photo", "me.jpg")}

    answer = client.post(f"/my/skills/{spanish.id}/claim", data=data)

    assert answer.status_code == 302
    page = client.get(f"/my/skills/{spanish.id}").text
    assert "me.jpg" in page
    assert "https://example.org/me" in page
    assert read(lambda session: session.query(SkillEvent).one().attachment.content_type) == "image/jpeg"


@pytest.mark.parametrize(
    "wrong",
    [{"link": "javascript:alert(1)"}, {"file": (io.BytesIO(b"MZ"), "x.exe")}, {"file": (io.BytesIO(b"<svg"), "x.png")}],
)
def test_a_claim_with_what_cannot_be_kept_is_refused_beside_its_field(ana, spanish, sign_in, read, wrong):
    answer = sign_in(ana).post(f"/my/skills/{spanish.id}/claim", data={"level": "4", **wrong})

    assert answer.status_code == 422
    assert "field-error" in answer.text
    assert read(lambda session: session.query(SkillEvent).count()) == 0


def test_a_certificate_is_brought_shown_and_taken_back(ana, spanish, sign_in, read, levels):
    client = sign_in(ana)
    assert "Add evidence" in client.get(f"/my/skills/{spanish.id}/evidence").text

    answer = client.post(f"/my/skills/{spanish.id}/evidence", data=certificate(file=sent(PDF)))

    submission = read(lambda session: session.query(EvidenceSubmission).one())
    assert answer.status_code == 302
    assert (submission.state, submission.person_id) == (SubmissionState.WAITING, ana.id)
    assert levels(ana) == {}
    assert "waits for your lead" in client.get("/my/skills").text
    assert client.post(f"/my/evidence/{submission.id}/withdraw").status_code == 302
    assert client.post(f"/my/evidence/{submission.id}/withdraw").status_code == 409


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "review"},
        {"kind": ""},
        {"title": ""},
        {"level": "0"},
        {"level": "x"},
        {"expires_on": "2026-01-01"},
        {"issued_on": "soon"},
        {"link": "ftp://x"},
        {"note": "x" * 1001},
    ],
)
def test_evidence_that_is_none_is_refused_beside_its_field(ana, spanish, sign_in, changes):
    answer = sign_in(ana).post(f"/my/skills/{spanish.id}/evidence", data=certificate(**changes))

    assert answer.status_code == 422
    assert "field-error" in answer.text


def test_a_skill_that_does_not_exist_takes_no_evidence(ana, sign_in):
    client = sign_in(ana)

    assert client.get("/my/skills/99/evidence").status_code == 404
    assert client.post("/my/skills/99/evidence", data=certificate()).status_code == 404


def test_no_field_of_a_form_makes_evidence_count(make, ana, spanish, sign_in, levels, read):
    """Fields that name a person, a state, an event or a decider are not read."""
    ben = make.person(name="Ben")
    forged = {"person_id": ben.id, "state": "accepted", "event_id": 1, "decided_by_id": ben.id, "validated_level": 5}

    sign_in(ana).post(f"/my/skills/{spanish.id}/evidence", data=certificate(**forged))

    submission = read(lambda session: session.query(EvidenceSubmission).one())
    assert (submission.person_id, submission.state, submission.decided_by_id) == (ana.id, "waiting", None)
    assert levels(ana) == levels(ben) == {}


def test_a_lead_sees_the_photo_and_accepts(make, ana, lea, spanish, sign_in, levels):
    submission = submit(make, ana, spanish, file=evidence.File("me.jpg", b"\xff\xd8\xff photo"))
    client = sign_in(lea)

    page = client.get("/evidence").text
    picture = client.get(f"/attachments/{submission.attachment_id}")
    answer = client.post(
        f"/evidence/{submission.id}/accept", data={"level": "3", "expires_on": "2027-11-23", "note": ""}
    )

    assert "DELE B2" in page
    assert f'src="/attachments/{submission.attachment_id}"' in page
    assert picture.data == b"\xff\xd8\xff photo"
    assert answer.status_code == 302
    assert levels(ana) == {spanish.id: 3}
    assert client.post(f"/evidence/{submission.id}/reopen").status_code == 302
    assert levels(ana) == {}


def test_a_rejection_without_a_reason_is_asked_for_one(make, ana, lea, spanish, sign_in):
    submission = submit(make, ana, spanish)
    client = sign_in(lea)

    silent = client.post(f"/evidence/{submission.id}/reject", data={"note": ""})
    spoken = client.post(f"/evidence/{submission.id}/reject", data={"note": "Half of it is missing."})

    assert (silent.status_code, spoken.status_code) == (422, 302)
    assert "Say why" in silent.text


def test_the_person_reads_why(make, ana, lea, spanish, sign_in):
    records.claim_level(make.session, ana, skill_id=spanish.id, level=3, by=make.actor(ana))
    submission = submit(make, ana, spanish)
    evidence.reject(make.session, submission, reason="Half is missing.", viewer=make.viewer(lea), by=make.actor(lea))

    text = sign_in(ana).get(f"/my/skills/{spanish.id}").text

    assert "Half is missing." in text
    assert "by Lea" in text


@pytest.mark.parametrize("data", [{}, {"level": "0"}, {"level": "4", "expires_on": "2026-11-23"}, {"level": "9"}])
def test_an_acceptance_that_is_none_is_refused(make, ana, lea, spanish, sign_in, data):
    submission = submit(make, ana, spanish)

    answer = sign_in(lea).post(f"/evidence/{submission.id}/accept", data=data)

    assert answer.status_code == 422
    assert "field-error" in answer.text


def test_what_waits_comes_as_csv_and_nothing_of_other_teams(make, ana, lea, spanish, sign_in):
    submit(make, ana, spanish)
    submit(make, make.person(name="Stranger", team=make.team()), spanish)

    answer = sign_in(lea).get("/evidence?format=csv")

    assert answer.mimetype == "text/csv"
    assert "DELE B2" in answer.text
    assert "Stranger" not in answer.text


def test_an_empty_queue_says_so(lea, sign_in):
    assert "Nothing waits for you" in sign_in(lea).get("/evidence").text


def test_who_decides_for_others_finds_no_way_to_decide_for_themselves(make, team, spanish, sign_in, levels):
    both = make.person(team=team, roles=[Role.AGENT, Role.LEAD, Role.HR], leads=[team])
    submission = submit(make, both, spanish)
    client = sign_in(both)

    answers = [
        client.get(f"/evidence?submission={submission.id}").status_code,
        *(
            client.post(f"/evidence/{submission.id}/{action}", data={"level": "5", "note": "x"}).status_code
            for action in ("accept", "reject", "reopen")
        ),
    ]

    assert answers == [404, 404, 404, 404]
    assert levels(both) == {}


def test_a_file_is_saved_and_never_opened_by_the_browser(make, ana, sign_in):
    hostile = b"%PDF-1.7 <script>alert(1)</script>"
    kept = attachments.keep_file(make.session, ana, file_name='a"b\r\n.pdf', content=hostile, by=make.actor(ana))

    answer = sign_in(ana).get(f"/attachments/{kept.id}")

    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.mimetype == "application/pdf"


def test_colleagues_do_not_open_each_others_files(make, team, ana, sign_in):
    kept = attachments.keep_file(make.session, ana, file_name="a.pdf", content=PDF, by=make.actor(ana))

    assert sign_in(make.person(team=team)).get(f"/attachments/{kept.id}").status_code == 404


@pytest.fixture
def academy(make, hr, spanish):
    issuer = evidence_issuers.create_issuer(
        make.session,
        IssuerValues("Academy", made.ISSUER_KEY, json.dumps(made.public(KEY).as_dict())),
        by=make.actor(hr),
    )
    evidence_issuers.add_mapping(
        make.session, issuer, achievement_key=made.ACHIEVEMENT_KEY, skill_id=spanish.id, level=3, by=make.actor(hr)
    )
    return issuer


@pytest.mark.usefixtures("academy")
def test_a_signed_badge_counts_at_once(ana, spanish, sign_in, levels):
    client = sign_in(ana)
    badge = made.baked_png(made.token(made.credential(), KEY), b"openbadgecredential")

    answer = client.post("/my/skills/badges/add", data={"file": sent(badge, "badge.png"), "skill_id": "", "level": ""})

    assert answer.status_code == 302
    assert "counts for Spanish" in client.get("/my/skills").text
    assert levels(ana) == {spanish.id: 3}
    assert "Badge" in client.get(f"/my/skills/{spanish.id}").text


@pytest.mark.usefixtures("academy")
def test_a_badge_in_doubt_asks_for_its_skill_and_then_waits(ana, lea, spanish, sign_in, levels):
    client = sign_in(ana)
    hosted = json.dumps(made.assertion(verification={"type": "hosted"})).encode()

    asked = client.post("/my/skills/badges/add", data={"file": sent(hosted, "b.json"), "skill_id": "", "level": ""})
    taken = client.post(
        "/my/skills/badges/add", data={"file": sent(hosted, "b.json"), "skill_id": str(spanish.id), "level": "3"}
    )

    assert (asked.status_code, taken.status_code) == (422, 302)
    assert "Choose the skill" in asked.text
    assert levels(ana) == {}
    assert "does not count by itself" in sign_in(lea).get("/evidence").text


@pytest.mark.usefixtures("academy")
def test_a_false_badge_is_refused_in_words(ana, sign_in, levels):
    forged = made.token(made.credential(), made.new_key("OKP")).encode()
    client = sign_in(ana)

    refused = client.post("/my/skills/badges/add", data={"file": sent(forged, "b.jwt"), "skill_id": "", "level": ""})
    missing = client.post("/my/skills/badges/add", data={"skill_id": "", "level": ""})

    assert (refused.status_code, missing.status_code) == (422, 422)
    assert "does not fit the keys" in refused.text
    assert levels(ana) == {}


@pytest.mark.usefixtures("academy")
def test_a_badge_brought_twice_is_told_so(ana, sign_in):
    client = sign_in(ana)
    badge = made.token(made.credential(), KEY).encode()
    data = [{"file": sent(badge, "b.jwt"), "skill_id": "", "level": ""} for _ in range(2)]

    answers = [client.post("/my/skills/badges/add", data=one) for one in data]

    assert [answer.status_code for answer in answers] == [302, 422]
    assert "accepted already" in answers[1].text


def test_the_form_of_a_badge_begins_with_the_skill_one_came_from(ana, spanish, sign_in):
    assert f'selected value="{spanish.id}"' in sign_in(ana).get(f"/my/skills/badges/add?skill={spanish.id}").text


def review(make, person, skill, level, **values):
    event = NewEvent(person.id, skill.id, SkillEventKind.REVIEW, level=level, **values)
    records.append_events(make.session, [event], by=make.actor())
    records.reproject(make.session, [(person.id, skill.id)], TODAY)


@pytest.fixture
def ben(make, team, spanish):
    """Return a colleague who claims Spanish."""
    person = make.person(name="Ben", team=team)
    records.claim_level(make.session, person, skill_id=spanish.id, level=4, by=make.actor(person))
    return person


def test_a_colleague_is_endorsed_and_it_can_be_undone(make, ana, ben, spanish, sign_in, read):
    review(make, ana, spanish, 3)
    client = sign_in(ana)
    address = f"/colleagues/{ben.id}/skills/{spanish.id}"

    listed, offered = client.get("/colleagues").text, client.get(f"/colleagues/{ben.id}").text
    form = client.get(address).text
    answer = client.post(address, data={"level": "2", "note": "Translated for me."})

    assert "Ben" in listed
    assert address in offered
    assert 'value="3"' in form
    assert 'value="4"' not in form
    assert answer.status_code == 302
    assert "You endorse this" in client.get(f"/colleagues/{ben.id}").text
    assert client.post(address, data={"level": "2"}).status_code == 409
    event_id = read(lambda session: session.query(SkillEvent).filter_by(kind=SkillEventKind.ENDORSEMENT).one().id)
    assert client.post(f"/endorsements/{event_id}/take-back").status_code == 302
    assert "You endorse this" not in client.get(f"/colleagues/{ben.id}").text


def test_the_pages_of_colleagues_show_no_level_claim_or_review(make, ana, ben, spanish, sign_in):
    review(make, ben, spanish, 4, note="CANARY of the lead")

    text = sign_in(ana).get(f"/colleagues/{ben.id}").text

    assert "Spanish" in text
    assert "level-chip" not in text
    assert "CANARY" not in text


def test_endorsing_is_refused_in_words(make, ana, ben, spanish, sign_in):
    client = sign_in(ana)
    address = f"/colleagues/{ben.id}/skills/{spanish.id}"

    without = client.post(address, data={"level": "1"})
    assert without.status_code == 403
    assert "You do not hold Spanish yourself" in without.text

    assert "Not a skill that you hold" in client.get(address).text
    assert client.get(f"/colleagues/{ana.id}").status_code == 404
    assert client.get(f"/colleagues/{ben.id}/skills/99").status_code == 404


def test_a_word_above_ones_own_level_is_refused_beside_the_field(make, ana, ben, spanish, sign_in):
    review(make, ana, spanish, 1)

    answer = sign_in(ana).post(f"/colleagues/{ben.id}/skills/{spanish.id}", data={"level": "3"})

    assert answer.status_code == 422
    assert "Your own level in Spanish is 1" in answer.text


def test_leads_and_strangers_have_no_colleagues_to_endorse(lea, hr, sign_in):
    assert sign_in(lea).get("/colleagues").status_code == 403
    assert sign_in(hr).get("/colleagues").status_code == 403


def test_a_record_says_why_for_its_owner_and_for_the_lead(make, ana, lea, spanish, sign_in):
    spanish.half_life_days = 100
    review(make, ana, spanish, 4, at=NOW - dt.timedelta(days=10), note="Handled the Madrid case.")
    for kind, level, source in (
        (SkillEventKind.COURSE, 5, "Academy"),
        (SkillEventKind.CERTIFICATE, 5, "Cervantes"),
    ):
        expires = TODAY - dt.timedelta(days=1) if kind is SkillEventKind.CERTIFICATE else None
        event = NewEvent(ana.id, spanish.id, kind, level=level, source=source, expires_on=expires)
        records.append_events(make.session, [event], by=make.actor(lea))
    records.reproject(make.session, [(ana.id, spanish.id)], TODAY)

    own = sign_in(ana).get(f"/my/skills/{spanish.id}").text
    others = sign_in(lea).get(f"/people/{ana.id}/skills/{spanish.id}").text

    for text in (own, others):
        assert "Handled the Madrid case." in text
        assert "Evidence of this kind counts up to level 2." in text
        assert "It expired on 22 Nov 2026." in text
        assert "in four of five cases" in text
        assert "it falls to" in text
        assert "Academy" in text
    assert "What helps now" in own


def test_the_figure_of_what_comes_answers_as_picture_and_table(make, ana, lea, spanish, sign_in):
    spanish.half_life_days = 100
    review(make, ana, spanish, 4)

    own = sign_in(ana).get(f"/my/skills/{spanish.id}/ahead?format=csv")
    others = sign_in(lea).get(f"/people/{ana.id}/skills/{spanish.id}/ahead?format=csv")

    assert own.text == others.text
    # 4 becomes 3 once 4 · 2^(−d/100) < 3.5, which is after 19.3 days.
    assert own.text.splitlines()[1:3] == ["2026-11-23,4", "2026-12-13,3"]


def test_a_lead_of_others_sees_no_reasons(make, ana, spanish, sign_in):
    stranger = make.person(roles=[Role.LEAD], leads=[make.team()])
    client = sign_in(stranger)

    assert client.get(f"/people/{ana.id}/skills/{spanish.id}").status_code == 404
    assert client.get(f"/people/{ana.id}/skills/{spanish.id}/ahead").status_code == 404


def test_hr_trusts_an_issuer_and_says_what_its_badges_show(hr, spanish, sign_in, read):
    client = sign_in(hr)
    keys = made.new_key("EC").as_pem(private=False).decode()

    assert "No issuer is trusted yet" in client.get("/badge-issuers").text
    made_issuer = client.post(
        "/badge-issuers/new", data={"name": "Academy", "identifiers": made.ISSUER_KEY, "keys": keys, "active": "y"}
    )
    address = made_issuer.location
    mapped = client.post(
        f"{address}/meanings",
        data={"achievement_key": made.ACHIEVEMENT_KEY, "skill_id": str(spanish.id), "level": "3"},
    )

    assert (made_issuer.status_code, mapped.status_code) == (302, 302)
    page = client.get(address).text
    assert made.ACHIEVEMENT_KEY in page
    assert "Spanish" in page
    assert "Academy" in client.get("/badge-issuers").text
    mapping_id = read(lambda session: evidence_issuers.list_issuers(session)[0].mappings[0].id)
    again = client.post(
        f"{address}/meanings",
        data={"achievement_key": made.ACHIEVEMENT_KEY, "skill_id": str(spanish.id), "level": "3"},
    )
    assert (again.status_code, "said already" in again.text) == (422, True)
    assert client.post(f"{address}/meanings/{mapping_id}/remove").status_code == 302
    assert client.post(f"{address}/meanings/{mapping_id}/remove").status_code == 404


@pytest.mark.parametrize(
    "keys", ["", "hello", made.new_key("EC").as_pem(private=True).decode()], ids=["none", "no key", "private"]
)
def test_an_issuer_that_could_not_be_checked_is_refused(hr, sign_in, keys):
    answer = sign_in(hr).post(
        "/badge-issuers/new", data={"name": "Academy", "identifiers": made.ISSUER_KEY, "keys": keys}
    )

    assert answer.status_code == 422
    assert "field-error" in answer.text


def test_an_issuer_is_edited_and_who_saves_second_sees_both(academy, hr, sign_in):
    client = sign_in(hr)
    address = f"/badge-issuers/{academy.id}/edit"
    page = client.get(address).text
    hidden = {
        name: page.split(f'name="{name}" type="hidden" value="')[1].split('"')[0].replace("&#34;", '"')
        for name in ("version", "seen", "began")
    }
    data = {**hidden, "identifiers": made.ISSUER_KEY, "keys": "", "revoked": "", "active": "y"}

    first = client.post(address, data={**data, "name": "Academy of Leeds"})
    second = client.post(address, data={**data, "name": "Academy of York"})

    assert (first.status_code, second.status_code) == (302, 409)
    assert "Academy of Leeds" in second.text
    assert client.get("/badge-issuers/99/edit").status_code == 404


def test_only_hr_and_admin_keep_issuers(make, ana, lea, academy, sign_in):
    for person in (ana, lea, make.person(roles=[Role.SCHEDULER])):
        assert sign_in(person).get("/badge-issuers").status_code == 403
    assert sign_in(make.person(roles=[Role.ADMIN])).get(f"/badge-issuers/{academy.id}").status_code == 200
