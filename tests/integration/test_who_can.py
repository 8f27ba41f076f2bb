"""Who can: levels of the day, shifts and absences, the order of fit, and the viewer's scope."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW, TODAY
from webapp.errors import InvalidInputError
from webapp.models import Interest, Role, SkillEventKind
from webapp.services import records, who_can
from webapp.services.records import NewEvent
from webapp.services.who_can import Search, Wanted, Window


@pytest.fixture
def hr(make):
    return make.person(name="Hanna HR", roles=[Role.HR])


@pytest.fixture
def find(session, make, hr):
    def _find(*wanted, viewer=None, **values):
        search = Search(
            wanted=tuple(Wanted(skill.id, level) for skill, level in wanted), on=values.pop("on", TODAY), **values
        )
        return who_can.find_who_can(session, search, viewer=make.viewer(viewer or hr))

    return _find


def names(matches):
    return [match.person.name for match in matches]


def provisional(session, make, person, skill, level, *, expires_on=None):
    """Give somebody a level that nobody has reviewed."""
    records.append_events(
        session,
        [NewEvent(person.id, skill.id, SkillEventKind.PROVISIONAL, level=level, expires_on=expires_on, source="acd")],
        by=make.actor(),
    )
    records.reproject(session, [(person.id, skill.id)], TODAY)


def test_only_people_with_every_skill_at_the_level_match(make, find):
    billing, german = make.skill(), make.skill()
    both, one = make.person(name="Both"), make.person(name="One")
    make.record(both, billing, 3)
    make.record(both, german, 2)
    make.record(one, billing, 5)

    assert names(find((billing, 3), (german, 2))) == ["Both"]
    assert names(find((billing, 4))) == ["One"]


def test_nobody_matches_an_empty_question(find):
    assert find() == []


def test_inactive_people_and_other_sites_stay_out(make, find):
    billing = make.skill()
    for person in (make.person(active=False), make.person(site=make.site())):
        make.record(person, billing, 5)

    assert find((billing, 1)) == []


def test_agent_has_no_scope_to_search(make, find):
    billing, agent = make.skill(), make.person()
    make.record(agent, billing, 5)

    assert find((billing, 1), viewer=agent) == []


def test_site_and_team_narrow_the_search(make, find):
    billing, team, far = make.skill(), make.team(), make.site()
    admin = make.person(roles=[Role.ADMIN])
    for name, place in (("In", {"team": team}), ("Out", {}), ("Far", {"site": far})):
        make.record(make.person(name=name, **place), billing, 3)

    assert names(find((billing, 3), team_id=team.id)) == ["In"]
    assert names(find((billing, 3), viewer=admin, site_id=far.id)) == ["Far"]


def test_near_misses_are_shown_on_request_with_what_is_missing(make, find):
    billing, german = make.skill(), make.skill()
    near, short = make.person(name="Near"), make.person(name="Short")
    for person, levels in ((near, (3, 2)), (short, (2, 2))):
        make.record(person, billing, levels[0])
        make.record(person, german, levels[1])

    assert find((billing, 3), (german, 3)) == []
    (match,) = find((billing, 3), (german, 3), near=True)
    assert (match.person, match.missing) == (near, 1)


def test_best_fit_comes_first(session, make, find):
    """Reviewed before unreviewed, then no reluctance, then the wish to grow, then higher levels, then the name."""
    billing = make.skill()
    make.record(make.person(name="Ada"), billing, 3)
    make.record(make.person(name="Zoe"), billing, 5)
    make.record(make.person(name="Grow"), billing, 3, interest=Interest.GROW)
    make.record(make.person(name="Rather not"), billing, 5, interest=Interest.RATHER_NOT)
    provisional(session, make, make.person(name="Unseen"), billing, 5)

    assert names(find((billing, 3))) == ["Grow", "Zoe", "Ada", "Rather not", "Unseen"]


def test_unreviewed_levels_can_be_left_out(session, make, find):
    billing = make.skill()
    provisional(session, make, make.person(), billing, 4)

    (match,) = find((billing, 4))
    assert match.standings[0].provisional
    assert find((billing, 4), reviewed=True) == []


def test_levels_are_those_of_the_day_that_is_asked_about(session, make, find):
    billing = make.skill()
    expires_on = TODAY + dt.timedelta(days=10)
    provisional(session, make, make.person(), billing, 4, expires_on=expires_on)

    assert len(find((billing, 4), on=expires_on - dt.timedelta(days=1))) == 1
    assert find((billing, 4), on=expires_on) == []


def test_free_means_on_shift_for_the_whole_window_and_not_absent(make, find):
    """The shift is 09:00–17:00 in Berlin, an hour ahead of UTC."""
    billing, ada, away = make.skill(), make.person(name="Ada"), make.person(name="Away")
    for person in (ada, away):
        make.record(person, billing, 3)
        make.shift(person, starts_at=dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC), hours=8)
    make.absence(away, dt.datetime(2026, 11, 23, 10, 30, tzinfo=dt.UTC), dt.datetime(2026, 11, 23, 11, tzinfo=dt.UTC))

    def free(starts, ends):
        return names(find((billing, 3), window=Window(dt.time.fromisoformat(starts), dt.time.fromisoformat(ends))))

    assert free("09:00", "17:00") == ["Ada"]
    assert free("08:59", "10:00") == []
    assert free("16:00", "17:01") == []
    assert free("09:00", "11:30") == ["Ada", "Away"]
    assert free("09:00", "11:31") == ["Ada"]
    assert free("12:00", "13:00") == ["Ada", "Away"]


def test_window_past_midnight_ends_on_the_next_day(make, find):
    billing, ada = make.skill(), make.person()
    make.record(ada, billing, 3)
    shift = make.shift(ada, starts_at=dt.datetime(2026, 11, 23, 21, tzinfo=dt.UTC), hours=8)

    (match,) = find((billing, 3), window=Window(dt.time(23), dt.time(5)))

    assert match.shift is shift
    assert find((billing, 3), window=Window(dt.time(23), dt.time(7))) == []


def test_window_is_on_the_clock_of_each_site(make, find):
    billing, admin = make.skill(), make.person(roles=[Role.ADMIN])
    halifax = make.person(name="Halifax", site=make.site(time_zone="America/Halifax"))
    berlin = make.person(name="Berlin")
    for person in (halifax, berlin):
        make.record(person, billing, 3)
    make.shift(berlin, starts_at=dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC), hours=4)
    make.shift(halifax, starts_at=dt.datetime(2026, 11, 23, 13, tzinfo=dt.UTC), hours=4)

    found = find((billing, 3), viewer=admin, window=Window(dt.time(9), dt.time(12)))

    assert names(found) == ["Berlin", "Halifax"]


def test_window_without_anybody_is_empty(make, find):
    assert find((make.skill(), 1), window=Window(dt.time(9), dt.time(12))) == []


@pytest.mark.parametrize("levels", [(0,), (6,), (3, 3)])
def test_wrong_questions_are_refused(make, find, levels):
    billing = make.skill()

    with pytest.raises(InvalidInputError):
        find(*((billing, level) for level in levels))


def test_unknown_skill_is_refused(session, make, hr):
    with pytest.raises(InvalidInputError):
        who_can.find_who_can(session, Search(wanted=(Wanted(999, 3),), on=TODAY), viewer=make.viewer(hr))


def test_headline_counts_the_viewers_people(session, make, hr):
    billing, german = make.skill(name="Billing"), make.skill(name="German")
    ada, ben, far = make.person(name="Ada"), make.person(name="Ben"), make.person(site=make.site())
    make.record(ada, billing, 4)
    make.record(ben, billing, 2, claimed=4)
    make.record(ben, german, 3)
    make.record(ada, german, 3)
    make.record(far, billing, 5, claimed=1)
    provisional(session, make, ada, make.skill(name="Chat"), 2)

    headline = who_can.get_headline(session, viewer=make.viewer(hr), on=TODAY)

    assert (headline.people, headline.agents) == (3, 2)
    assert headline.provisional_records == 1
    assert [(line.skill.name, line.person.name) for line in headline.sole_holders] == [("Billing", "Ada")]


def test_headline_counts_the_records_that_wait_for_review(session, make, hr):
    """The conditions in SQL say of every record the same as its projection does."""
    skills = [make.skill() for _ in range(6)]
    ada = make.person()
    rows = [
        make.record(ada, skills[0], 3, claimed=3),
        make.record(ada, skills[1], 0, claimed=2),
        make.record(ada, skills[2], 3),
        make.record(ada, skills[3], 2, claimed=4),
        make.record(ada, skills[4], 2, claimed=2),
        make.record(ada, skills[5], 2),
    ]
    rows[3].claimed_at = NOW
    rows[4].validated_by = rows[5].validated_by = SkillEventKind.OUTCOME
    session.flush()

    headline = who_can.get_headline(session, viewer=make.viewer(hr), on=TODAY)

    held = records.projections_on(session, [ada.id], TODAY)[ada.id].values()
    assert headline.open_reviews == sum(each.awaits_review for each in held) == 3
    assert headline.provisional_records == sum(each.provisional for each in held) == 2


def test_expired_holder_holds_alone_no_longer(session, make, hr):
    billing = make.skill()
    provisional(session, make, make.person(), billing, 4, expires_on=TODAY + dt.timedelta(days=1))

    assert len(who_can.get_headline(session, viewer=make.viewer(hr), on=TODAY).sole_holders) == 1
    tomorrow = TODAY + dt.timedelta(days=1)
    assert who_can.get_headline(session, viewer=make.viewer(hr), on=tomorrow).sole_holders == ()
