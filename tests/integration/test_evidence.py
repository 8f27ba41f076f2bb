"""What people bring is their word until somebody else accepts it."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import Notice, Role, SkillEvent, SkillEventKind, SubmissionState
from webapp.services import attachments, audit, evidence, record_history, records
from webapp.services.evidence import File, NewEvidence

PDF = b"%PDF-1.7 a certificate"
PHOTO = b"\xff\xd8\xff\xe0 a photo"


@pytest.fixture
def team(make):
    return make.team(name="Ours")


@pytest.fixture
def ana(make, team):
    return make.person(name="Ana", team=team)


@pytest.fixture
def lea(make, team):
    return make.person(name="Lea", roles=[Role.LEAD], leads=[team])


@pytest.fixture
def spanish(make):
    return make.skill(name="Spanish", code="spanish")


@pytest.fixture
def submit(make, ana, spanish):
    """Return a function that lets Ana bring a certificate."""

    def _submit(person=None, **changes):
        values = {"skill_id": spanish.id, "kind": SkillEventKind.CERTIFICATE, "level": 4, "title": "DELE B2"}
        person = person or ana
        return evidence.submit(make.session, person, NewEvidence(**{**values, **changes}), by=make.actor(person))

    return _submit


@pytest.fixture
def level_of(make, spanish):
    """Return a function that reads the validated level of a person in Spanish."""

    def _read(person, on=TODAY):
        found = records.projections_on(make.session, [person.id], on)[person.id].get(spanish.id)
        return found.validated_level if found else 0

    return _read


def accept(make, submission, by, **values):
    return evidence.accept(
        make.session, submission, viewer=make.viewer(by), by=make.actor(by), **{"level": 4, **values}
    )


def test_what_is_brought_counts_for_nothing_before_somebody_accepts_it(make, ana, submit, level_of):
    submission = submit(file=File("dele.pdf", PDF))

    assert submission.state is SubmissionState.WAITING
    assert level_of(ana) == 0
    assert make.session.scalars(select(SkillEvent)).all() == []
    assert audit.person_history(make.session, ana.id)[0].action == "submit_evidence"


def test_acceptance_is_evidence_in_the_name_of_who_accepted(make, ana, lea, spanish, submit, level_of):
    submission = submit(issuer="Instituto Cervantes", link="https://example.org/1", file=File("dele.pdf", PDF))

    event_id = accept(make, submission, lea, level=3, expires_on=TODAY + dt.timedelta(days=400))

    event = make.session.get(SkillEvent, event_id)
    assert (event.kind, event.level, event.author_id) == (SkillEventKind.CERTIFICATE, 3, lea.id)
    assert event.source == "Instituto Cervantes: DELE B2"
    assert (event.link, event.attachment_id) == ("https://example.org/1", submission.attachment_id)
    assert level_of(ana) == 3
    assert level_of(ana, TODAY + dt.timedelta(days=400)) == 0
    notice = make.session.scalars(select(Notice).where(Notice.person_id == ana.id)).one()
    assert "accepted at level 3" in notice.text
    assert notice.link == f"/my/skills/{spanish.id}"


def test_hr_accepts_as_well_and_a_lead_of_others_does_not(make, team, ana, submit, level_of):
    stranger = make.person(roles=[Role.LEAD], leads=[make.team()])
    hr = make.person(roles=[Role.HR], serves=[team.site])
    submission = submit()

    with pytest.raises(NotFoundError):
        accept(make, submission, stranger)
    with pytest.raises(NotFoundError):
        evidence.get_submission(make.session, submission.id, viewer=make.viewer(stranger))
    accept(make, evidence.get_submission(make.session, submission.id, viewer=make.viewer(hr)), hr)

    assert level_of(ana) == 4


def test_nobody_accepts_their_own_in_whatever_role(make, team, submit, level_of):
    both = make.person(team=team, roles=[Role.AGENT, Role.LEAD, Role.HR], leads=[team])
    submission = submit(both)

    with pytest.raises(ForbiddenError, match="Nobody assesses themselves"):
        accept(make, submission, both)
    with pytest.raises(NotFoundError):
        evidence.get_submission(make.session, submission.id, viewer=make.viewer(both))

    assert evidence.list_waiting(make.session, make.viewer(both)) == []
    assert level_of(both) == 0


def test_nobody_decides_with_anothers_rights_or_brings_for_another(make, ana, lea, submit, spanish):
    submission = submit()

    with pytest.raises(ForbiddenError, match="own name"):
        evidence.accept(make.session, submission, level=5, viewer=make.viewer(lea), by=make.actor(ana))
    brought = NewEvidence(spanish.id, SkillEventKind.COURSE, 2, "x")
    with pytest.raises(ForbiddenError):
        evidence.submit(make.session, ana, brought, by=make.actor(lea))


def test_a_rejection_needs_a_reason_that_the_person_reads(make, ana, lea, submit):
    submission = submit()
    viewer, by = make.viewer(lea), make.actor(lea)

    with pytest.raises(InvalidInputError, match="Say why"):
        evidence.reject(make.session, submission, reason="  ", viewer=viewer, by=by)
    evidence.reject(make.session, submission, reason="The photo shows half of it.", viewer=viewer, by=by)

    assert evidence.list_own(make.session, ana.id)[0].reason == "The photo shows half of it."
    assert "half of it" in make.session.scalars(select(Notice.text).where(Notice.person_id == ana.id)).one()


def test_what_is_decided_is_decided_once(make, lea, submit):
    submission = submit()
    accept(make, submission, lea)

    with pytest.raises(ConflictError, match="accepted by Lea"):
        accept(make, submission, lea)
    with pytest.raises(ConflictError):
        evidence.reject(make.session, submission, reason="No.", viewer=make.viewer(lea), by=make.actor(lea))
    with pytest.raises(ConflictError):
        evidence.withdraw(make.session, submission.id, by=make.actor(submission.person))


def test_a_decision_can_be_taken_back_by_who_made_it(make, team, ana, lea, submit, level_of):
    other = make.person(roles=[Role.LEAD], leads=[team])
    submission = submit()
    accept(make, submission, lea)

    with pytest.raises(ConflictError, match="no decision of yours"):
        evidence.reopen(make.session, submission, viewer=make.viewer(other), by=make.actor(other))
    evidence.reopen(make.session, submission, viewer=make.viewer(lea), by=make.actor(lea))

    assert (submission.state, submission.event_id) == (SubmissionState.WAITING, None)
    assert level_of(ana) == 0
    with pytest.raises(ConflictError, match="no decision of yours"):
        evidence.reopen(make.session, submission, viewer=make.viewer(lea), by=make.actor(lea))


def test_one_takes_back_what_waits_and_nobody_elses(make, ana, lea, submit):
    submission = submit()

    with pytest.raises(NotFoundError):
        evidence.withdraw(make.session, submission.id, by=make.actor(lea))
    evidence.withdraw(make.session, submission.id, by=make.actor(ana))

    assert submission.state is SubmissionState.WITHDRAWN
    assert evidence.count_waiting(make.session, make.viewer(lea)) == 0


def test_the_queue_holds_what_the_viewer_may_decide_oldest_first(make, team, lea, submit):
    ben, cleo = make.person(team=team), make.person(team=make.team())
    first, second, _ = submit(), submit(ben), submit(cleo)

    assert evidence.list_waiting(make.session, make.viewer(lea)) == [first, second]
    assert evidence.count_waiting(make.session, make.viewer(lea)) == 2


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"kind": SkillEventKind.REVIEW}, "kind", "Bring a certificate"),
        ({"kind": SkillEventKind.OUTCOME}, "kind", "Bring a certificate"),
        ({"level": 0}, "level", "from 1 to 5"),
        ({"level": 6}, "level", "from 0 to 5"),
        ({"title": "  "}, "title", "what it is called"),
        ({"title": "x" * 201}, "title", "under 200"),
        ({"issuer": "x" * 201}, "issuer", "under 200"),
        ({"issued_on": TODAY + dt.timedelta(days=1)}, "issued_on", "still to come"),
        ({"expires_on": TODAY}, "expires_on", "no longer counts"),
        ({"issued_on": TODAY, "expires_on": TODAY - dt.timedelta(days=1)}, "expires_on", "no longer counts"),
        ({"note": "x" * 1001}, "note", "under 1000"),
        ({"link": "javascript:alert(1)"}, "link", "begins with https"),
        ({"link": "https://a b"}, "link", "begins with https"),
        ({"link": "https://" + "x" * 400}, "link", "under 400"),
        ({"file": File("x.pdf", b"")}, "file", "empty"),
        ({"file": File("x.pdf", b"MZ executable")}, "file", "Only photos"),
        ({"file": File("x.svg", b"<svg onload='x'/>")}, "file", "Only photos"),
        ({"file": File("x.html", b"<html>%PDF-")}, "file", "Only photos"),
        ({"file": File("x.pdf", PDF + bytes(5_000_000))}, "file", "5.0 MB; up to 5 MB"),
        ({"file": File("x.riff", b"RIFFxxxxWAVE")}, "file", "Only photos"),
        ({"kind": SkillEventKind.BADGE, "file": File("x.json", b"{}")}, "file", "Only photos"),
    ],
)
def test_what_is_not_as_it_should_be_is_refused_beside_its_field(submit, changes, field, words):
    with pytest.raises(InvalidInputError, match=words) as refusal:
        submit(**changes)

    assert refusal.value.field == field


def test_nobody_floods_their_lead(submit):
    for number in range(evidence.MOST_WAITING):
        submit(title=f"Course {number}")

    with pytest.raises(ConflictError, match="wait already"):
        submit()


def test_a_retired_skill_takes_no_evidence(make, spanish, lea, submit):
    submission = submit()
    spanish.retired_at = NOW

    with pytest.raises(InvalidInputError, match="retired"):
        submit()
    with pytest.raises(InvalidInputError, match="retired"):
        accept(make, submission, lea)


def test_evidence_for_a_skill_that_was_merged_counts_in_the_one_that_took_its_place(make, ana, lea, spanish, submit):
    submission = submit()
    whole = make.skill(name="Languages")
    spanish.merged_into_id, spanish.retired_at = whole.id, NOW
    make.session.flush()

    accept(make, submission, lea, level=3)

    assert records.levels_on(make.session, [ana.id], TODAY)[ana.id] == {whole.id: 3}
    assert [own.id for own in evidence.list_own(make.session, ana.id, skill_id=whole.id)] == [submission.id]
    evidence.reopen(make.session, submission, viewer=make.viewer(lea), by=make.actor(lea))
    assert records.levels_on(make.session, [ana.id], TODAY)[ana.id] == {}


def test_nothing_is_accepted_that_has_expired_or_shows_nothing(make, lea, submit):
    submission = submit()

    with pytest.raises(InvalidInputError, match="no longer counts"):
        accept(make, submission, lea, expires_on=TODAY)
    with pytest.raises(InvalidInputError, match="reject what shows none"):
        accept(make, submission, lea, level=0)


def test_two_of_the_same_certificate_count_as_one_voice(make, ana, lea, submit):
    for level in (2, 3):
        accept(make, submit(kind=SkillEventKind.COURSE, issuer="Academy", title="Spanish I"), lea, level=level)

    found = record_history.load_person_logs(make.session, ana.id)
    assert {event.source for log in found.values() for event in log} == {"Academy: Spanish I"}


def test_a_claim_comes_with_a_link_and_a_photo_and_raises_nothing(make, ana, spanish, level_of):
    record = evidence.claim(
        make.session,
        ana,
        skill_id=spanish.id,
        level=5,
        note="Ask Ben.",
        link="https://example.org/me",
        file=File("C:\\photos\\me.jpg", PHOTO),
        by=make.actor(ana),
    )

    event = make.session.scalars(select(SkillEvent)).one()
    assert (record.claimed_level, level_of(ana)) == (5, 0)
    assert event.link == "https://example.org/me"
    assert (event.attachment.file_name, event.attachment.content_type) == ("me.jpg", "image/jpeg")


def test_nobody_claims_for_another_with_a_file(make, ana, lea, spanish):
    with pytest.raises(ForbiddenError):
        evidence.claim(make.session, ana, skill_id=spanish.id, level=5, file=File("x.jpg", PHOTO), by=make.actor(lea))


def test_a_file_is_kept_once_and_seen_by_those_who_may_see_the_record(make, team, ana, lea):
    first, again = (
        attachments.keep_file(make.session, ana, file_name=name, content=PHOTO, by=make.actor(ana))
        for name in ("a.jpg", "b.jpg")
    )
    colleague, stranger = make.person(team=team), make.person(roles=[Role.LEAD], leads=[make.team()])

    assert again is first
    for viewer in (ana, lea):
        assert attachments.get_attachment(make.session, first.id, viewer=make.viewer(viewer)).content == PHOTO
    for viewer in (colleague, stranger):
        with pytest.raises(NotFoundError):
            attachments.get_attachment(make.session, first.id, viewer=make.viewer(viewer))


def test_what_mainstay_keeps_for_one_person_has_an_end(make, ana, monkeypatch):
    monkeypatch.setattr(attachments, "MOST_FILES", 1)
    attachments.keep_file(make.session, ana, file_name="a.jpg", content=PHOTO, by=make.actor(ana))

    with pytest.raises(ConflictError, match="1 files"):
        attachments.keep_file(make.session, ana, file_name="b.pdf", content=PDF, by=make.actor(ana))


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("me.jpg", "me.jpg"),
        ("../../me.jpg", "me.jpg"),
        ("C:\\me.jpg", "me.jpg"),
        ("a\r\nb\x00.pdf", "ab.pdf"),
        ("", "file"),
        ("...", "file"),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
    ],
)
def test_a_file_keeps_the_last_part_of_its_name(name, kept):
    assert attachments.clean_name(name) == kept


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"%PDF-1.4", "application/pdf"),
        (b"\x89PNG\r\n\x1a\n..", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"GIF89a", None),
        (b"xxxxxxxxWEBP", None),
        (b"", None),
    ],
)
def test_a_file_is_known_by_its_content(content, found):
    assert attachments.recognise(content) == found
