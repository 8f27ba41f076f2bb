"""A colleague's word: for a skill that they hold themselves, up to their own level, once, and never for oneself."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import Role, SkillEvent, SkillEventKind
from webapp.services import audit, records
from webapp.services import evidence_endorsements as endorsements


@pytest.fixture
def team(make):
    return make.team(name="Ours")


@pytest.fixture
def ana(make, team):
    return make.person(name="Ana", team=team)


@pytest.fixture
def ben(make, team):
    return make.person(name="Ben", team=team)


@pytest.fixture
def spanish(make, ana, ben):
    """Return a skill that Ana claims and Ben holds at level 4."""
    skill = make.skill(name="Spanish", code="spanish")
    make.record(ben, skill, 4)
    records.claim_level(make.session, ana, skill_id=skill.id, level=3, by=make.actor(ana))
    return skill


@pytest.fixture
def endorse(make, ana, ben, spanish):
    """Return a function that lets Ben endorse Ana in Spanish at level 2."""

    def _endorse(by=None, *, of=None, level=2, skill=None, at=NOW, note=""):
        return endorsements.endorse(
            make.session,
            by or ben,
            colleague_id=(of or ana).id,
            skill_id=(skill or spanish).id,
            level=level,
            note=note,
            by=make.actor(by or ben, at=at),
        )

    return _endorse


@pytest.fixture
def level_of(make, spanish):
    """Return a function that reads the validated level of a person in Spanish."""

    def _read(person, on=TODAY):
        found = records.projections_on(make.session, [person.id], on)[person.id].get(spanish.id)
        return found.validated_level if found else 0

    return _read


def third(make, team, spanish, level=4):
    person = make.person(team=team)
    make.record(person, spanish, level)
    return person


def test_an_endorsement_is_evidence_that_expires_in_a_year(make, ana, ben, endorse):
    event_id = endorse(note="Translated for me twice.")

    event = make.session.get(SkillEvent, event_id)
    assert (event.kind, event.level, event.author_id) == (SkillEventKind.ENDORSEMENT, 2, ben.id)
    assert event.expires_on == TODAY + dt.timedelta(days=365)
    assert audit.person_history(make.session, ana.id)[0].action == "endorse_skill"


def test_one_word_alone_does_not_raise_a_level_and_two_do(make, team, ana, spanish, endorse, level_of):
    endorse()
    alone = level_of(ana)
    endorse(third(make, team, spanish))

    assert (alone, level_of(ana)) == (0, 2)


def test_nobody_endorses_themselves(ana, ben, endorse):
    with pytest.raises(ForbiddenError, match="Nobody endorses themselves"):
        endorse(ben, of=ben)


def test_nobody_endorses_in_anothers_name(make, ana, ben, spanish):
    with pytest.raises(ForbiddenError, match="own name"):
        endorsements.endorse(make.session, ben, colleague_id=ana.id, skill_id=spanish.id, level=1, by=make.actor(ana))


def test_who_does_not_hold_the_skill_cannot_endorse_it(make, team, endorse):
    newcomer = make.person(team=team)

    with pytest.raises(ForbiddenError, match="You do not hold Spanish yourself"):
        endorse(newcomer)


def test_a_claim_alone_is_not_holding_the_skill(make, team, spanish, endorse):
    boaster = make.person(team=team)
    records.claim_level(make.session, boaster, skill_id=spanish.id, level=5, by=make.actor(boaster))

    with pytest.raises(ForbiddenError, match="do not hold"):
        endorse(boaster)


def test_a_word_stands_for_no_more_than_ones_own_level_nor_than_endorsements_can_show(make, team, spanish, endorse):
    novice = third(make, team, spanish, 1)

    with pytest.raises(InvalidInputError, match="Your own level in Spanish is 1"):
        endorse(novice, level=2)
    with pytest.raises(InvalidInputError, match="up to level 3"):
        endorse(level=4)
    with pytest.raises(InvalidInputError, match="from 1 on"):
        endorse(level=0)
    with pytest.raises(InvalidInputError, match="from 0 to 5"):
        endorse(level=6)


def test_a_faded_level_stands_for_less(make, ben, spanish, endorse):
    """Ben was reviewed at 4 thirty days ago; with a half-life of 30 days he holds 2 by now."""
    spanish.half_life_days = 30
    make.session.flush()
    records.reproject(make.session, [(ben.id, spanish.id)], TODAY)

    with pytest.raises(InvalidInputError, match="Your own level in Spanish is 2"):
        endorse(level=3)


def test_only_colleagues_of_ones_own_team_are_there(make, team, ana, ben, spanish, endorse):
    stranger, lead = make.person(team=make.team()), make.person(team=team, roles=[Role.LEAD], leads=[team])
    left = make.person(team=team, active=False)
    for person in (stranger, left):
        make.record(person, spanish, 3)

    assert endorsements.list_colleagues(make.session, ben) == [ana]
    for colleague in (stranger, lead, left):
        with pytest.raises(NotFoundError, match="no such colleague"):
            endorse(of=colleague)


def test_who_has_no_team_has_no_colleagues(make):
    alone, other = make.person(), make.person()

    assert endorsements.list_colleagues(make.session, alone) == []
    with pytest.raises(NotFoundError):
        endorsements.get_colleague(make.session, alone, other.id)


def test_a_skill_that_is_not_on_the_record_cannot_be_endorsed(make, ben, endorse):
    french = make.skill(name="French")
    make.record(ben, french, 4)

    with pytest.raises(NotFoundError, match="not on your colleague's record"):
        endorse(skill=french)


def test_one_endorsement_of_each_colleague_stands_at_a_time(make, ben, ana, endorse, spanish):
    first = endorse()

    with pytest.raises(ConflictError, match=r"already\. Take that back first"):
        endorse(level=3)
    endorsements.take_back(make.session, first, by=make.actor(ben))
    second = endorse(level=3)

    (offer,) = endorsements.list_endorsable(make.session, ben, ana, TODAY)
    assert (offer.skill, offer.highest, offer.event_id) == (spanish, 3, second)


def test_what_is_taken_back_counts_no_more(make, ana, ben, spanish, endorse, level_of):
    first = endorse()
    endorse(third(make, ben.team, spanish))

    assert endorsements.take_back(make.session, first, by=make.actor(ben)) == ana

    assert level_of(ana) == 0
    assert audit.person_history(make.session, ana.id)[0].action == "retract_endorsement"
    with pytest.raises(ConflictError, match="taken back already"):
        endorsements.take_back(make.session, first, by=make.actor(ben))


def test_nobody_takes_anothers_endorsement_back(make, ana, endorse):
    event_id = endorse()
    review = make.session.scalars(select(SkillEvent.id).where(SkillEvent.kind == SkillEventKind.REVIEW)).first()

    for key in (event_id, review, 10_000):
        with pytest.raises(NotFoundError):
            endorsements.take_back(make.session, key, by=make.actor(ana))


def test_an_expired_endorsement_can_be_given_anew(endorse):
    endorse()

    endorse(at=NOW + dt.timedelta(days=365))


def test_a_retired_skill_takes_no_endorsement(spanish, endorse):
    spanish.retired_at = NOW

    with pytest.raises(InvalidInputError, match="retired"):
        endorse()


def test_a_pair_that_endorses_each_other_is_told(make, team, ana, ben, spanish, endorse):
    cleo = third(make, team, spanish)
    make.record(ana, make.skill(), 3)
    endorse()
    endorse(cleo)
    assert endorsements.list_mutual(make.session, ana.id, spanish.id, TODAY) == set()
    endorsements_by_others(make, ana, spanish)

    endorse(ana, of=ben, level=1)

    assert endorsements.list_mutual(make.session, ana.id, spanish.id, TODAY) == {ben.id}
    assert endorsements.list_mutual(make.session, ben.id, spanish.id, TODAY) == {ana.id}
    assert endorsements.list_mutual(make.session, cleo.id, spanish.id, TODAY) == set()


def endorsements_by_others(make, person, skill):
    """Let a review by a lead make somebody a holder of a skill."""
    event = records.NewEvent(person.id, skill.id, SkillEventKind.REVIEW, level=3)
    records.append_events(make.session, [event], by=make.actor())
    records.reproject(make.session, [(person.id, skill.id)], TODAY)


def test_friends_do_not_keep_each_others_levels_from_fading(make, team, ana, ben, spanish, endorse):
    endorsements_by_others(make, ana, spanish)
    spanish.half_life_days = 30
    make.session.flush()
    later = NOW + dt.timedelta(days=60)
    records.reproject(make.session, [(ana.id, spanish.id)], later.date())
    before = records.levels_on(make.session, [ana.id], later.date())[ana.id][spanish.id]

    endorse(level=1, at=later)

    assert records.levels_on(make.session, [ana.id], later.date())[ana.id][spanish.id] == before
