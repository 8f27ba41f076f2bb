"""The figure of claims against later evidence."""

from __future__ import annotations

from webapp.charts.calibration import claims_figure
from webapp.charts.figure import render_svg
from webapp.services.calibration import Comparison


def test_it_counts_claims_by_what_was_found_later():
    found = [(4, 2.0), (4, 2.4), (3, 3.0), (2, 5.0)]

    figure = claims_figure([Comparison(n, 7, n, level, later) for n, (level, later) in enumerate(found)], about="Chat")

    assert figure.rows == [(2, 5, 1), (3, 3, 1), (4, 2, 2)]
    assert figure.title == "Chat: claims and later evidence"
    assert figure.description == "Of 4 claims 1 met the level that others found later, 2 lay above it and 1 below."
    assert "Level claimed" in render_svg(figure.spec)


def test_without_claims_there_is_nothing_to_draw():
    figure = claims_figure([])

    assert (figure.rows, figure.description) == ([], "No claim has met later evidence yet.")
