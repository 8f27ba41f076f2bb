"""Badges that people bring: certain ones count by the issuer's word, others wait, false ones are refused."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from tests.factories import badges as made
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import Role, SkillEvent, SkillEventKind, SubmissionState
from webapp.services import audit, evidence, evidence_badges, evidence_issuers, records
from webapp.services.evidence import File
from webapp.services.evidence_issuers import IssuerValues

KEY = made.new_key("EC")


@pytest.fixture
def team(make):
    return make.team(name="Ours")


@pytest.fixture
def ana(make, team):
    return make.person(name="Ana", team=team, email=made.ADDRESS)


@pytest.fixture
def hr(make):
    return make.person(name="Hana", roles=[Role.HR])


@pytest.fixture
def spanish(make):
    return make.skill(name="Spanish", code="spanish")


def values(**changes):
    return IssuerValues(
        **{"name": "Academy", "identifiers": made.ISSUER_KEY, "keys": json.dumps(made.public(KEY).as_dict()), **changes}
    )


@pytest.fixture
def academy(make, hr):
    return evidence_issuers.create_issuer(make.session, values(), by=make.actor(hr))


@pytest.fixture
def meaning(make, academy, hr, spanish):
    """Let the badge show Spanish at level 3."""
    return evidence_issuers.add_mapping(
        make.session,
        academy,
        achievement_key=made.ACHIEVEMENT_KEY,
        skill_id=spanish.id,
        level=3,
        by=make.actor(hr),
    )


@pytest.fixture
def bring(make, ana):
    """Return a function that lets Ana bring a badge, given as document, token or bytes."""

    def _bring(badge=None, *, person=None, at=NOW, **chosen):
        badge = made.token(made.credential(), KEY) if badge is None else badge
        if isinstance(badge, dict):
            badge = json.dumps(badge)
        content = badge.encode() if isinstance(badge, str) else badge
        person = person or ana
        by = make.actor(person, at=at)
        return evidence_badges.bring_badge(make.session, person, File("badge.json", content), by=by, **chosen)

    return _bring


@pytest.fixture
def levels(make, ana):
    """Return a function that reads Ana's effective levels."""

    def _levels(on=TODAY, person=None):
        person = person or ana
        return records.levels_on(make.session, [person.id], on)[person.id]

    return _levels


def test_a_certain_badge_counts_by_itself_in_nobodys_name(make, ana, spanish, meaning, bring, levels):
    brought = bring()

    (event,) = make.session.scalars(select(SkillEvent)).all()
    assert brought.counted
    assert (event.kind, event.level, event.author_id) == (SkillEventKind.BADGE, 3, None)
    assert event.at == dt.datetime(2026, 6, 30, 10, tzinfo=dt.UTC)
    assert event.source == "Academy: Spanish B2"
    # It ends within 1 July 2028 in Berlin and still counts on that day.
    assert event.expires_on == dt.date(2028, 7, 2)
    assert levels() == {spanish.id: 3}
    assert levels(dt.date(2028, 7, 2)) == {}
    (submission,) = brought.submissions
    assert (submission.state, submission.decided_by_id, submission.event_id) == ("accepted", None, event.id)
    newest = audit.person_history(make.session, ana.id)[0]
    assert (newest.action, newest.actor_id) == ("count_badge", ana.id)


def test_a_baked_picture_counts_as_well(meaning, bring, levels, spanish):
    bring(made.baked_png(made.token(made.credential(), KEY), b"openbadgecredential"))

    assert levels() == {spanish.id: 3}


@pytest.mark.usefixtures("meaning")
def test_one_badge_may_show_several_skills(make, academy, hr, spanish, bring, levels):
    french = make.skill(name="French")
    evidence_issuers.add_mapping(
        make.session, academy, achievement_key=made.ACHIEVEMENT_KEY, skill_id=french.id, level=1, by=make.actor(hr)
    )

    brought = bring()

    assert len(brought.submissions) == 2
    assert levels() == {spanish.id: 3, french.id: 1}


def test_the_level_is_hrs_and_not_what_the_person_asks_for(make, meaning, bring, levels, spanish):
    bring(skill_id=make.skill().id, level=5)

    assert levels() == {spanish.id: 3}


def test_a_badge_without_a_meaning_waits_for_somebody(academy, spanish, bring, levels):
    brought = bring(skill_id=spanish.id, level=4, note="From my course.")

    (submission,) = brought.submissions
    assert not brought.counted
    assert (submission.state, submission.kind, submission.level) == (SubmissionState.WAITING, SkillEventKind.BADGE, 4)
    assert submission.doubts == ["HR has not said yet which skill this badge shows."]
    assert submission.note == "From my course."
    assert levels() == {}


@pytest.mark.parametrize(
    ("badge", "words"),
    [
        (made.assertion(verification={"type": "hosted"}), "not signed"),
        (made.token(made.credential(credentialStatus={"id": "x"}), KEY), "does not open"),
        (made.token(made.assertion(recipient=None), KEY), "does not name its holder"),
        (made.token(made.credential(issuer="https://else.example"), made.new_key()), "not noted"),
    ],
    ids=["hosted", "status elsewhere", "holder unknown", "issuer unknown"],
)
def test_what_is_in_doubt_waits_with_its_doubts(meaning, spanish, bring, levels, badge, words):
    brought = bring(badge, skill_id=spanish.id, level=3)

    assert not brought.counted
    assert words in " ".join(brought.doubts)
    assert levels() == {}


def test_what_is_in_doubt_needs_a_skill_and_a_level(spanish, bring):
    with pytest.raises(InvalidInputError, match="Choose the skill and the level") as without_skill:
        bring(made.assertion(verification={"type": "hosted"}))
    with pytest.raises(InvalidInputError, match="Choose the skill and the level") as without_level:
        bring(made.assertion(verification={"type": "hosted"}), skill_id=spanish.id)

    assert (without_skill.value.field, without_level.value.field) == ("skill_id", "level")


def test_a_lead_accepts_what_was_in_doubt(make, team, meaning, spanish, bring, levels):
    lead = make.person(roles=[Role.LEAD], leads=[team])
    (submission,) = bring(made.assertion(verification={"type": "hosted"}), skill_id=spanish.id, level=3).submissions

    evidence.accept(make.session, submission, level=2, viewer=make.viewer(lead), by=make.actor(lead))

    assert levels() == {spanish.id: 2}


@pytest.mark.parametrize(
    ("badge", "words"),
    [
        (made.token(made.credential(), made.new_key()), "does not fit the keys"),
        (made.token(made.credential(credentialSubject=made.subject("ben@example.test")), KEY), "another e-mail"),
        (made.token(made.credential(validUntil="2026-11-23T09:00:00Z"), KEY), "expired"),
        (made.token(made.credential(validFrom="2026-11-23T09:00:01Z"), KEY), "still to come"),
        (made.token(made.assertion(revoked=True), KEY), "taken this badge back"),
        (made.unsigned_token(made.credential()), "proves nothing"),
        (made.confused_token(made.credential(), KEY), "proves nothing"),
        (made.token(made.credential(id="urn:" + "x" * 400), KEY), "too long"),
        (b"nothing", "no Open Badge"),
    ],
    ids=["key", "recipient", "expired", "future", "revoked", "none", "confusion", "long", "malformed"],
)
@pytest.mark.usefixtures("meaning")
def test_what_is_false_is_refused_and_leaves_nothing(make, bring, ana, badge, words):
    with pytest.raises(InvalidInputError, match=words) as refusal:
        bring(badge, skill_id=make.skill().id, level=3)

    assert refusal.value.field == "file"
    assert evidence.list_own(make.session, ana.id) == []


def test_a_badge_counts_once(meaning, spanish, bring):
    bring()

    with pytest.raises(ConflictError, match="accepted already"):
        bring()


def test_a_second_account_gains_nothing_by_the_first_ones_badge(make, team, meaning, bring, levels):
    second = make.person(team=team, email="ana.second@example.test")

    with pytest.raises(InvalidInputError, match="another e-mail"):
        bring(person=second)
    assert levels(person=second) == {}


def test_nobody_brings_anothers_badge_for_them(make, ana, hr):
    with pytest.raises(ForbiddenError):
        evidence_badges.bring_badge(make.session, ana, File("b", b"{}"), by=make.actor(hr))


def test_who_keeps_an_issuers_keys_is_not_vouched_for_by_them(make, hr, spanish, bring, levels):
    """HR who also works as an agent could otherwise trust a key of their own and sign a badge for themselves."""
    ana = make.person(email="hana.agent@example.test", roles=[Role.AGENT, Role.HR])
    issuer = evidence_issuers.create_issuer(make.session, values(name="Mine"), by=make.actor(ana))
    evidence_issuers.add_mapping(
        make.session,
        issuer,
        achievement_key=made.ACHIEVEMENT_KEY,
        skill_id=spanish.id,
        level=5,
        by=make.actor(hr),
    )
    badge = made.token(made.credential(credentialSubject=made.subject(ana.email)), KEY)

    brought = bring(badge, person=ana, skill_id=spanish.id, level=5)

    assert not brought.counted
    assert "keeps the keys" in brought.doubts[0]
    assert levels(person=ana) == {}


def test_a_review_from_after_the_badge_settles_it(make, ana, spanish, meaning, bring, levels):
    make.record(ana, spanish, 2)

    bring()

    assert levels() == {spanish.id: 2}


def test_a_badge_of_a_skill_that_was_merged_counts_in_the_one_that_took_its_place(
    make, meaning, spanish, bring, levels
):
    whole = make.skill(name="Languages")
    spanish.merged_into_id, spanish.retired_at = whole.id, NOW
    make.session.flush()

    bring()

    assert levels() == {whole.id: 3}


def test_a_meaning_in_a_retired_skill_is_none(make, meaning, spanish, bring):
    spanish.retired_at = NOW
    make.session.flush()

    with pytest.raises(InvalidInputError, match="HR has not said yet"):
        bring()


def test_an_issuer_that_is_trusted_no_more_leaves_a_doubt(make, academy, hr, meaning, spanish, bring):
    evidence_issuers.update_issuer(
        make.session,
        academy,
        values(active=False),
        version=academy.version,
        seen={},
        by=make.actor(hr),
    )

    assert "not noted" in bring(skill_id=spanish.id, level=3).doubts[0]


@pytest.mark.usefixtures("meaning")
def test_a_badge_that_the_issuer_takes_back_counts_no_more(make, academy, hr, bring, levels, ana):
    bring()
    revoked = values(keys="", revoked=made.credential()["id"])

    evidence_issuers.update_issuer(make.session, academy, revoked, version=academy.version, seen={}, by=make.actor(hr))

    (submission,) = evidence.list_own(make.session, ana.id)
    assert levels() == {}
    assert submission.reason == "Academy has taken this badge back."
    assert len(academy.keys) == 1
    with pytest.raises(InvalidInputError, match="taken this badge back"):
        bring()


def test_an_edit_on_an_older_version_is_refused(make, academy, hr):
    with pytest.raises(ConflictError):
        evidence_issuers.update_issuer(make.session, academy, values(), version=0, seen={}, by=make.actor(hr))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"identifiers": ""}, "identifiers"),
        ({"identifiers": "Academy"}, "identifiers"),
        ({"identifiers": "did:key:zzz"}, "identifiers"),
        ({"identifiers": "\n".join(f"https://a.example/{n}" for n in range(21))}, "identifiers"),
        ({"keys": ""}, "keys"),
        ({"keys": "hello"}, "keys"),
        ({"revoked": "x" * 401}, "revoked"),
    ],
)
def test_an_issuer_that_could_never_be_checked_is_refused(make, hr, changes, field):
    with pytest.raises(InvalidInputError) as refusal:
        evidence_issuers.create_issuer(make.session, values(**changes), by=make.actor(hr))

    assert refusal.value.field == field


def test_two_issuers_have_two_names(make, academy, hr):
    with pytest.raises(InvalidInputError, match="of this name already"):
        evidence_issuers.create_issuer(make.session, values(), by=make.actor(hr))


def test_a_did_is_key_enough(make, hr, ana, spanish, bring, levels):
    did = made.did_of(KEY)
    issuer = evidence_issuers.create_issuer(make.session, values(identifiers=did, keys=""), by=make.actor(hr))
    evidence_issuers.add_mapping(
        make.session,
        issuer,
        achievement_key=made.ACHIEVEMENT_KEY,
        skill_id=spanish.id,
        level=2,
        by=make.actor(hr),
    )

    bring(made.token(made.credential(issuer=did), KEY))

    assert levels() == {spanish.id: 2}


def test_a_meaning_is_said_once(make, academy, meaning, hr):
    with pytest.raises(ConflictError, match="said already"):
        evidence_issuers.add_mapping(
            make.session,
            academy,
            achievement_key=made.ACHIEVEMENT_KEY,
            skill_id=meaning.skill_id,
            level=5,
            by=make.actor(hr),
        )


def test_a_meaning_can_be_removed_and_what_counted_stays(make, academy, meaning, hr, bring, levels):
    bring()

    evidence_issuers.remove_mapping(make.session, academy, meaning.id, by=make.actor(hr))

    assert evidence_issuers.get_issuer(make.session, academy.id).mappings == []
    assert levels() == {meaning.skill_id: 3}
    with pytest.raises(NotFoundError):
        evidence_issuers.remove_mapping(make.session, academy, meaning.id, by=make.actor(hr))


@pytest.mark.parametrize(
    ("key", "level", "field"), [(" ", 3, "achievement_key"), ("x" * 401, 3, "achievement_key"), ("x", 0, "level")]
)
def test_a_meaning_that_is_none_is_refused(make, academy, spanish, key, level, field):
    with pytest.raises(InvalidInputError) as refusal:
        evidence_issuers.add_mapping(
            make.session, academy, achievement_key=key, skill_id=spanish.id, level=level, by=make.actor()
        )

    assert refusal.value.field == field


def test_an_issuer_that_does_not_exist_is_not_found(make):
    with pytest.raises(NotFoundError):
        evidence_issuers.get_issuer(make.session, 99)
