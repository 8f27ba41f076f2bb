"""The heat map of a team's skills."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW, TODAY
from webapp.errors import NotFoundError
from webapp.models import Interest, Role, SkillEventKind, SkillKind
from webapp.services import catalogue, heat_map, records
from webapp.services.heat_map import HeatFilter, SkillSort
from webapp.services.records import NewEvent
from webapp.services.skill_merging.merging import merge_skill


class Team:
    """Two people with three skills; levels of Ana and Ben: billing 4 and 2, Spanish 3 and none, chat 5 and 3."""

    def __init__(self, make):
        self.session = make.session
        self.team = make.team(name="Ours")
        self.lead = make.person(roles=[Role.LEAD], leads=[self.team])
        self.ana, self.ben = make.person(name="Ana", team=self.team), make.person(name="Ben", team=self.team)
        self.money = make.group(name="Money")
        self.billing = make.skill(name="Billing", group=self.money)
        self.spanish = make.skill(name="Spanish", kind=SkillKind.LANGUAGE)
        self.chat = make.skill(name="Chat", kind=SkillKind.CHANNEL)
        make.record(self.ana, self.billing, 4, interest=Interest.GROW)
        make.record(self.ben, self.billing, 2)
        make.record(self.ana, self.spanish, 3)
        make.record(self.ana, self.chat, 5)
        make.record(self.ben, self.chat, 3)
        self.viewer = make.viewer(self.lead)

    def build(self, **values):
        return heat_map.build_heat_map(self.session, self.team, TODAY, viewer=self.viewer, chosen=HeatFilter(**values))

    def names(self, **values):
        return [row.skill.name for row in self.build(**values).rows]


@pytest.fixture
def ours(make):
    return Team(make)


def test_each_row_shows_the_levels_of_the_people_in_their_order(ours):
    shown = ours.build()

    levels = {row.skill.name: [cell.effective_level if cell else None for cell in row.cells] for row in shown.rows}
    assert [person.name for person in shown.people] == ["Ana", "Ben"]
    assert levels == {"Billing": [4, 2], "Spanish": [3, None], "Chat": [5, 3]}


def test_coverage_counts_holders_the_competent_and_the_keen(ours):
    rows = {row.skill.name: row for row in ours.build().rows}

    assert [(row.holders, row.competent, row.keen) for row in (rows["Billing"], rows["Spanish"], rows["Chat"])] == [
        (2, 1, 1),
        (1, 1, 0),
        (2, 2, 0),
    ]
    assert ours.build().single_holders == 2


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        (SkillSort.GROUP, ["Billing", "Chat", "Spanish"]),
        (SkillSort.NAME, ["Billing", "Chat", "Spanish"]),
        (SkillSort.THINNEST, ["Spanish", "Billing", "Chat"]),
        (SkillSort.STRONGEST, ["Chat", "Billing", "Spanish"]),
    ],
)
def test_skills_are_sorted_as_asked(ours, sort, names):
    assert ours.names(sort=sort) == names


def test_people_can_be_sorted_by_a_skill(ours, make):
    make.record(ours.ben, ours.spanish, 5)

    assert [person.name for person in ours.build(person_sort=ours.spanish.id).people] == ["Ben", "Ana"]


def test_skills_are_narrowed_by_text_group_kind_and_level(ours):
    assert ours.names(text="bill") == ["Billing"]
    assert ours.names(group_id=ours.money.id) == ["Billing"]
    assert ours.names(kind=SkillKind.LANGUAGE) == ["Spanish"]
    assert ours.names(level=4) == ["Billing", "Chat"]


def test_inactive_people_and_retired_skills_are_left_out(ours):
    ours.ben.active = False
    ours.chat.retired_at = NOW
    ours.session.flush()

    shown = ours.build()

    assert [person.name for person in shown.people] == ["Ana"]
    assert [row.skill.name for row in shown.rows] == ["Billing", "Spanish"]


def test_a_team_outside_the_scope_is_not_found(ours, make):
    other = make.team()

    assert heat_map.get_team(ours.session, ours.team.id, viewer=ours.viewer) is ours.team
    with pytest.raises(NotFoundError):
        heat_map.get_team(ours.session, other.id, viewer=ours.viewer)


def test_an_agent_has_no_heat_map(ours, make):
    with pytest.raises(NotFoundError):
        heat_map.get_team(ours.session, ours.team.id, viewer=make.viewer(ours.ana))


def test_a_level_without_a_sign_of_life_is_stale_and_can_be_filtered(ours, make):
    make.record(ours.ben, ours.spanish, 3, at=NOW - dt.timedelta(days=181))

    shown = ours.build(stale=True)

    (row,) = shown.rows
    assert row.skill.name == "Spanish"
    assert [row.is_stale(cell, TODAY) for cell in row.cells] == [False, True]
    assert ours.build().freshness == pytest.approx(5 / 6)


def test_a_skill_that_fades_soon_is_stale_sooner(ours):
    ours.chat.half_life_days = 40
    ours.session.flush()

    assert ours.names(stale=True) == ["Chat"]


def test_contacts_without_a_level_leave_the_cell_empty(ours, make):
    use = NewEvent(ours.ben.id, ours.spanish.id, SkillEventKind.USE, count=12, at=NOW)
    records.append_events(ours.session, [use], by=make.actor())
    records.reproject(ours.session, [(ours.ben.id, ours.spanish.id)], TODAY)

    (row,) = [row for row in ours.build().rows if row.skill is ours.spanish]

    assert row.cells[1] is None


def test_a_day_before_a_merge_or_retirement_shows_the_skills_that_there_were(make, ours):
    days = dt.timedelta
    merge_skill(make.session, ours.spanish, ours.chat, by=make.actor(at=NOW - days(9)))
    catalogue.retire_skill(make.session, ours.billing, by=make.actor(at=NOW - days(5)))

    def names_on(days_ago):
        on = TODAY - days(days_ago)
        shown = heat_map.build_heat_map(make.session, ours.team, on, viewer=ours.viewer, present=TODAY)
        return [row.skill.name for row in shown.rows]

    assert names_on(10) == ["Billing", "Chat", "Spanish"]
    assert names_on(9) == names_on(6) == ["Billing", "Chat"]
    assert names_on(5) == names_on(0) == ["Chat"]
