"""Figures and the timeline of a plan: what they draw, say and list."""

from __future__ import annotations

import datetime as dt

from webapp.charts.demand import clock_labels, demand_figure, planned_figure
from webapp.charts.figure import render_svg
from webapp.charts.score import score_figure
from webapp.charts.timeline import HEAD_HEIGHT, MINUTE_WIDTH, ROW_HEIGHT, draw_timeline
from webapp.models import Assignment, Engagement, EngagementType, Person
from webapp.services.planning.horizon import Horizon
from webapp.services.planning.overview import DayLoad, IntervalLoad
from webapp.services.planning.scoring import DayScore, IntervalScore
from webapp.services.planning.timeline import AgentRow, Timeline, WorkBlock

NINE = dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)
HALF_HOUR = dt.timedelta(minutes=30)


def a_load(*loads: tuple[float, float, float, float, float]) -> DayLoad:
    """Return a day with these figures by interval."""
    return DayLoad(
        horizon=Horizon(NINE, 30, len(loads)),
        intervals=tuple(IntervalLoad(NINE + index * HALF_HOUR, *figures) for index, figures in enumerate(loads)),
        engagements=3,
        agents_on_shift=2,
    )


class TestClockLabels:
    def test_they_are_the_times_of_the_site(self) -> None:
        assert clock_labels([NINE, NINE + HALF_HOUR], "Europe/Berlin") == ["09:00", "09:30"]

    def test_an_hour_that_comes_twice_is_told_apart(self) -> None:
        """On 25 October 2026 Berlin's clocks show half past two twice."""
        first = dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)

        assert clock_labels([first, first + 2 * HALF_HOUR], "Europe/Berlin") == ["02:30 CEST", "02:30 CET"]


class TestDemand:
    def test_it_says_when_demand_is_above_capacity(self) -> None:
        figure = demand_figure(a_load((60, 50, 20, 0, 0), (60, 30, 10, 0, 0)), zone="Europe/Berlin")

        assert "Demand is above capacity at 09:00." in figure.description
        assert list(figure.rows[0]) == ["09:00", 60, 50, 20]

    def test_it_says_when_capacity_is_enough(self) -> None:
        figure = demand_figure(a_load((60, 30, 10, 0, 0)), zone="Europe/Berlin")

        assert "Capacity covers demand in every interval." in figure.description

    def test_many_short_intervals_are_summed_up(self) -> None:
        figure = demand_figure(a_load(*[(10, 20, 0, 0, 0)] * 9), zone="Europe/Berlin")

        assert "and 3 more" in figure.description

    def test_both_figures_draw_in_both_themes_without_inline_style(self) -> None:
        load = a_load((60, 50, 20, 45, 15), (60, 30, 10, 30, 10))
        for figure in (demand_figure(load, zone="UTC"), planned_figure(load, zone="UTC")):
            for theme in ("light", "dark"):
                picture = render_svg(figure.spec, theme)
                assert picture.startswith("<svg")
                assert " style=" not in picture


class TestScore:
    def test_intervals_without_work_are_left_out_of_the_lines(self) -> None:
        score = DayScore(
            actual_minutes=30.0,
            share=0.5,
            even_share=0.25,
            outside_minutes=0.0,
            intervals=(IntervalScore(NINE, 30.0, 0.5, 0.25), IntervalScore(NINE + HALF_HOUR, 0.0, None, None)),
            types=(),
        )

        figure = score_figure(score, zone="Europe/Berlin")

        assert [list(row) for row in figure.rows] == [["09:00", 30.0, 0.5, 0.25], ["09:30", 0.0, None, None]]
        assert "50.0% found skilled minutes" in figure.description
        assert render_svg(figure.spec).startswith("<svg")


class TestTimeline:
    def test_rows_blocks_and_hours_lie_where_they_belong(self) -> None:
        """One agent, 9–10 h: a mail of 20 min at 9.10, 15 min kept for calls in the second half hour."""
        kind = EngagementType(name="Billing mail", channel="email")
        assignment = Assignment(engagement=Engagement(engagement_type=kind), minutes=20.0)
        begin = NINE + dt.timedelta(minutes=10)
        row = AgentRow(
            person=Person(name="Ada"),
            shifts=((NINE, NINE + 2 * HALF_HOUR),),
            breaks=(),
            absences=(),
            work=(WorkBlock(assignment, begin, begin + dt.timedelta(minutes=20)),),
            live=(0.0, 15.0),
            live_types=("Calls",),
        )

        picture = draw_timeline(Timeline(Horizon(NINE, 30, 2), (row,)), zone="Europe/Berlin")

        (drawn,) = picture.rows
        assert (picture.width, picture.height) == (60 * MINUTE_WIDTH, HEAD_HEIGHT + ROW_HEIGHT)
        assert picture.ticks == ((0.0, "09:00"),)
        assert drawn.shifts[0].width == 60 * MINUTE_WIDTH
        assert (drawn.work[0].bar.x, drawn.work[0].bar.width) == (10 * MINUTE_WIDTH, 20 * MINUTE_WIDTH - 1)
        assert drawn.work[0].label == "Bi…"
        (live,) = drawn.live
        assert (live.x, live.width) == (30 * MINUTE_WIDTH, 15 * MINUTE_WIDTH)

    def test_a_piece_too_short_for_words_has_none_but_can_be_hit(self) -> None:
        kind = EngagementType(name="Note", channel="social")
        assignment = Assignment(engagement=Engagement(engagement_type=kind), minutes=1.0)
        row = AgentRow(
            Person(name="Ada"), (), (), (), (WorkBlock(assignment, NINE, NINE + dt.timedelta(minutes=1)),), (0.0,), ()
        )

        (drawn,) = draw_timeline(Timeline(Horizon(NINE, 30, 1), (row,)), zone="UTC").rows

        assert (drawn.work[0].label, drawn.work[0].bar.width) == ("", 6.0)
