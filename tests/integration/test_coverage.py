"""Coverage of a week: demand, supply and single points of failure, each figure derived by hand."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.factories import NOW, TODAY
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import Channel, Interest, JobState, Role
from webapp.services.coverage import single_points, table
from webapp.services.coverage.week import monday_of, read_week
from webapp.services.planning import policy_editing

MONDAY = TODAY
HOUR = dt.timedelta(hours=1)
NINE = NOW  # 9:00 UTC is 10:00 in Berlin, so that a shift from NOW on lies on full hours of the site.


@pytest.fixture
def site(make):
    return make.site(code="harbour", name="Harbour")


@pytest.fixture
def team(make, site):
    return make.team(site=site)


@pytest.fixture
def danish(make):
    return make.skill(name="Danish", code="danish")


@pytest.fixture
def billing(make):
    return make.skill(name="Billing", code="billing")


@pytest.fixture
def crew(make, team, danish, billing):
    """Ana, Bo and Cem do billing on Monday from nine to twelve; Ana alone speaks Danish well enough."""
    people = {name: make.person(name=name, team=team) for name in ("Ana", "Bo", "Cem")}
    for person in people.values():
        make.shift(person, starts_at=NINE, hours=3)
        make.record(person, billing, 3)
    make.record(people["Ana"], danish, 4)
    make.record(people["Bo"], danish, 2, interest=Interest.GROW)
    make.record(people["Cem"], danish, 2)
    return people


@pytest.fixture
def calls(make, site, danish, billing):
    """Thirty minutes of Danish calls and forty of others are forecast for the first hour."""
    danish_calls = make.engagement_type(name="Danish calls", channel=Channel.VOICE, requires={danish: 3, billing: 2})
    other_calls = make.engagement_type(name="Calls", channel=Channel.VOICE, requires={billing: 2})
    make.forecast(danish_calls, NINE, 30.0, site=site, length=60)
    make.forecast(other_calls, NINE, 40.0, site=site, length=60)


def week_of(make, site, first_on=MONDAY):
    return read_week(make.session, site, first_on, today=TODAY)


def points_of(make, site, viewer):
    week = week_of(make, site)
    found = single_points.search(week.supply(), week.demand(), seconds=20.0)
    return single_points.describe(make.session, week, found, viewer=viewer)


@pytest.fixture
def scheduler(make, site):
    return make.person(name="Sven", site=site, roles=[Role.SCHEDULER])


class TestWeek:
    def test_a_week_begins_on_its_monday(self):
        assert monday_of(dt.date(2026, 11, 29)) == dt.date(2026, 11, 23)
        assert monday_of(dt.date(2026, 11, 23)) == dt.date(2026, 11, 23)

    def test_supply_is_shift_less_shrinkage(self, make, site, crew):
        """Three hours of 60 · (1 − 0.1) minutes each."""
        week = week_of(make, site)

        assert sorted(week.supply()[str(crew["Ana"].id)].values()) == [54, 54, 54]

    def test_shrinkage_is_that_of_the_policy_with_which_the_site_plans(self, make, site, crew):
        """A calm day takes 15 %: three hours of 60 · (1 − 0.15) minutes each."""
        policy_editing.set_default(make.session, site, "calm-day", by=make.actor())

        assert sorted(week_of(make, site).supply()[str(crew["Ana"].id)].values()) == [51, 51, 51]

    @pytest.mark.parametrize(("first_on", "hours"), [(dt.date(2026, 10, 19), 169), (dt.date(2026, 3, 23), 167)])
    def test_a_week_in_which_the_clock_changes_has_an_hour_more_or_less(self, make, site, first_on, hours):
        week = week_of(make, site, first_on)

        assert week.horizon.intervals == hours
        assert {week.day_of(slot) for slot in range(hours)} == set(week.days)

    def test_dated_work_may_be_done_until_it_is_due(self, make, site, billing):
        """From nine to the end of what begins at eleven: 9, 10 and 11 o'clock; two of a kind are one work."""
        letters = make.engagement_type(requires={billing: 1}, handle_minutes=20.0)
        for _ in range(2):
            make.engagement(letters, site=site, earliest_at=NINE, due_at=NINE + 2 * HOUR, latest_at=NINE + 9 * HOUR)
        make.engagement(letters, site=site, earliest_at=NINE, due_at=NINE + dt.timedelta(days=9))

        [work] = week_of(make, site).works

        assert (work.minutes, work.count, len(work.slots)) == (40.0, 2, 3)
        assert week_of(make, site).horizon.start_of(work.slots[0]) == NINE

    def test_overdue_work_may_be_done_as_long_as_it_may_begin(self, make, site, billing):
        letters = make.engagement_type(requires={billing: 1}, handle_minutes=60.0)
        before = NINE - dt.timedelta(days=3)
        make.engagement(letters, site=site, earliest_at=before, due_at=before, latest_at=NINE)

        [work] = week_of(make, site).works

        assert work.slots.start == 0
        assert week_of(make, site).horizon.start_of(work.slots[-1]) == NINE

    def test_contacts_handled_side_by_side_need_less_of_an_agent(self, make, site, billing):
        chat = make.engagement_type(channel=Channel.CHAT, requires={billing: 1}, concurrency=2)
        make.forecast(chat, NINE, 60.0, site=site, length=60)

        [work] = week_of(make, site).works

        assert work.minutes == 30.0


class TestTable:
    def test_each_day_sets_minutes_needed_against_those_there(self, make, site, crew, calls):
        """Ana has 3 · 54 Danish minutes for 30; all have 486 for 70 of billing."""
        lines = {(line.skill.name, line.level): line for line in table.compare(make.session, week_of(make, site))}

        danish, billing = lines["Danish", 3].cells, lines["Billing", 2].cells
        assert (danish[0].needed, danish[0].available, danish[0].people) == pytest.approx((30.0, 162.0, 1))
        assert (billing[0].needed, billing[0].available, billing[0].people) == pytest.approx((70.0, 486.0, 3))
        assert danish[1].band == "none"
        assert lines["Danish", 3].holders == 1

    def test_work_that_may_wait_is_spread_over_its_hours(self, make, site, billing):
        """24 of the 48 hours until Tuesday midnight lie on Monday."""
        midnight = dt.datetime(2026, 11, 22, 23, tzinfo=dt.UTC)
        letters = make.engagement_type(requires={billing: 1}, handle_minutes=60.0)
        make.engagement(letters, site=site, earliest_at=midnight, due_at=midnight + 47 * HOUR)

        [line] = table.compare(make.session, week_of(make, site))

        assert [round(cell.needed) for cell in line.cells] == [30, 30, 0, 0, 0, 0, 0]

    @pytest.mark.parametrize(
        ("available", "band"), [(99.0, "short"), (100.0, "tight"), (150.0, "fair"), (300.0, "ample")]
    )
    def test_bands_begin_where_they_say(self, available, band):
        assert table.CoverageCell(100.0, available, 1).band == band

    def test_a_preferred_skill_is_not_needed(self, make, site, danish, billing):
        calls = make.engagement_type(channel=Channel.VOICE, requires={billing: 2}, prefers={danish: 3})
        make.forecast(calls, NINE, 30.0, site=site)

        assert [line.skill.name for line in table.compare(make.session, week_of(make, site))] == ["Billing"]


class TestSinglePoints:
    def test_the_only_one_who_can_is_named_with_what_breaks(self, make, site, crew, calls, scheduler):
        points = points_of(make, site, make.viewer(scheduler))

        assert (points.size, points.proven, points.complete) == (1, True, True)
        [group] = points.groups
        assert [person.name for person in group.people] == ["Ana"]
        [broken] = group.broken
        assert [(each.kind.name, each.days) for each in broken.works] == [("Danish calls", (MONDAY,))]
        assert (broken.needed, broken.available, broken.missing) == (30, 0, 30)

    def test_the_nearest_who_want_to_grow_could_stand_in(self, make, site, crew, calls, scheduler):
        """Bo and Cem both lack one level of Danish; Bo wants to grow it."""
        [group] = points_of(make, site, make.viewer(scheduler)).groups

        assert [(learner.person.name, learner.keen, learner.levels) for learner in group.learners] == [
            ("Bo", True, 1),
            ("Cem", False, 1),
        ]
        assert group.learners[0].missing_after == 0
        [lesson] = group.learners[0].lessons
        assert (lesson.skill.name, lesson.held, lesson.needed) == ("Danish", 2, 3)

    def test_who_is_not_there_when_it_counts_is_no_help(self, make, site, crew, calls, scheduler):
        """Without Bo, 108 minutes are left for 70, so that Cem's absence breaks the calls as well as Ana's."""
        make.absence(crew["Bo"], NINE, NINE + HOUR)

        groups = points_of(make, site, make.viewer(scheduler)).groups

        assert [[person.name for person in group.people] for group in groups] == [["Ana"], ["Cem"]]
        assert [learner.person.name for learner in groups[0].learners] == ["Cem"]

    def test_what_is_short_anyway_is_told_apart(self, make, site, crew, calls, scheduler):
        finnish = make.engagement_type(name="Finnish mail", requires={make.skill(name="Finnish"): 1})
        make.engagement(finnish, site=site, earliest_at=NINE)

        points = points_of(make, site, make.viewer(scheduler))

        assert [each.kind.name for demand in points.uncovered for each in demand.works] == ["Finnish mail"]
        assert [person.name for person in points.groups[0].people] == ["Ana"]

    def test_a_lead_reads_names_of_their_own_people_only(self, make, site, crew, calls):
        elsewhere = make.team(site=site)
        lead = make.person(team=elsewhere, roles=[Role.LEAD], leads=[elsewhere])

        [group] = points_of(make, site, make.viewer(lead)).groups

        assert (group.people, group.others, group.learners) == ((), 1, ())

    def test_what_was_found_is_kept_as_json(self, make, site, crew, calls):
        week = week_of(make, site)
        found = single_points.search(week.supply(), week.demand(), seconds=20.0)

        assert single_points.from_json(single_points.to_json(found)) == found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
class TestPages:
    def test_schedulers_see_table_and_points(self, crew, calls, scheduler, sign_in):
        page = sign_in(scheduler).get("/coverage").text

        assert "Danish" in page
        assert "One person" in page
        assert "Danish calls" in page
        assert "wants to grow it" in page

    def test_the_table_comes_as_csv_and_sorted(self, crew, calls, scheduler, sign_in):
        client = sign_in(scheduler)

        text = client.get("/coverage?format=csv&sort=thinnest").text

        assert "danish,3,2026-11-23,30.0,162.0,1" in text

    def test_a_week_without_work_says_so(self, crew, scheduler, sign_in):
        assert "Nothing is asked of this week" in sign_in(scheduler).get("/coverage?week=2026-12-09").text

    def test_a_longer_search_runs_as_a_job_and_its_answer_stands_on_the_page(
        self, make, site, calls, crew, database, sign_in
    ):
        scheduler = make.person(site=site, roles=[Role.SCHEDULER])
        client = sign_in(scheduler)

        answer = client.post(f"/coverage/search?site={site.id}&week=2026-11-23")
        waiting = client.get(answer.location).text
        load_bodies()
        Executor(database, lambda: NOW).run_once()
        done = client.get(answer.location).text

        assert "Searching for single points of failure" in waiting
        assert "Danish calls" not in waiting.partition("<main")[2].partition("Minutes by skill")[0]
        assert "Searching for single points of failure" not in done
        assert client.get("/jobs/1").status_code == 200
        assert "One person" in done
        with database.reading() as session:
            job = single_points.find_search(session, 1, site, MONDAY, viewer=make.viewer(scheduler))
            assert job is not None
            assert job.state is JobState.DONE

    def test_a_job_about_another_week_is_not_shown(self, site, crew, calls, scheduler, sign_in):
        client = sign_in(scheduler)
        client.post(f"/coverage/search?site={site.id}&week=2026-11-30")

        assert "One person" in client.get(f"/coverage?site={site.id}&week=2026-11-23&job=1").text

    def test_a_lead_sees_the_site_of_their_team_and_no_other(self, make, team, site, crew, calls, sign_in):
        other = make.site()
        lead = make.person(team=team, roles=[Role.LEAD], leads=[team])
        client = sign_in(lead)

        assert "Ana" in client.get("/coverage").text
        assert client.get(f"/coverage?site={other.id}").status_code == 404
        assert client.post(f"/coverage/search?site={other.id}").status_code == 404

    def test_agents_do_not_see_it(self, crew, sign_in):
        client = sign_in(crew["Ana"])

        assert client.get("/coverage").status_code == 403
        assert client.post("/coverage/search").status_code == 403

    def test_whoever_sees_no_site_is_told_so(self, make, sign_in):
        lead = make.person(roles=[Role.LEAD], leads=[])

        assert sign_in(lead).get("/coverage").status_code in {200, 403}
