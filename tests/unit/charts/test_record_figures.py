"""Figures of skill records over time."""

from __future__ import annotations

import datetime as dt

import pytest

from webapp.charts.figure import render_svg
from webapp.charts.records import record_figure, skills_figure
from webapp.services.record_history import LevelCount, LevelPoint

FIRST, UNTIL = dt.date(2026, 11, 2), dt.date(2026, 11, 23)


def test_the_levels_of_a_record_are_drawn_up_to_the_last_day():
    figure = record_figure("Billing", [LevelPoint(FIRST, None, 2)], until=UNTIL)

    assert figure.rows == [("2026-11-02", None, 2)]
    assert [row["Day"] for row in figure.spec["data"]["values"]] == ["2026-11-02", "2026-11-23"]
    assert "level 2 is effective and nothing is claimed" in figure.description


def test_skills_are_stacked_by_level():
    counts = [LevelCount(FIRST, (1, 0, 2, 0, 0)), LevelCount(UNTIL, (0, 1, 2, 1, 0))]

    figure = skills_figure(counts, until=UNTIL)

    assert figure.rows[-1] == ("2026-11-23", 0, 1, 2, 1, 0)
    assert len(figure.spec["data"]["values"]) == 2
    assert figure.description == "From 3 skills on 2 Nov 2026 to 4 now, of which 3 at level 3 or better."


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "figure",
    [
        record_figure("Billing", [LevelPoint(UNTIL, 3, 2)], until=UNTIL),
        record_figure("Billing", [], until=UNTIL),
        skills_figure([LevelCount(FIRST, (1, 0, 2, 0, 0))], until=UNTIL),
        skills_figure([], until=UNTIL),
    ],
)
def test_each_figure_is_drawn_in_both_themes(figure, theme):
    assert render_svg(figure.spec, theme).startswith("<svg")
