"""How figures, dates and details are written."""

from __future__ import annotations

import datetime as dt

import pytest

from webapp.web import filters
from webapp.web.safety import local_path


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(22002, 0, "22\u202f002"), (-1234.5, 1, "−1\u202f234.5"), (0, 0, "0"), (None, 0, "")],
)
def test_numbers_are_grouped_by_thin_spaces(value, digits, text):
    assert filters.number(value, digits) == text


def test_points_carry_their_sign():
    assert filters.points(12.5) == "+12.5"
    assert filters.points(-3) == "−3.0"
    assert filters.points(None) == ""


def test_days_before_and_after_cross_months():
    assert filters.day_before(dt.date(2026, 3, 1)) == "2026-02-28"
    assert filters.day_after(dt.date(2026, 12, 31)) == "2027-01-01"


def test_nested_errors_become_one_list():
    assert filters.flat_errors([{"level": ["Too high."]}, ["Missing."], ""]) == ["Too high.", "Missing."]


def test_paging_and_sorting_are_no_filter():
    assert not filters.filters_set({"page": "2", "sort": "name", "day": "2026-11-21", "q": ""}, keep=("day",))
    assert filters.filters_set({"q": "billing"})


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("gap", 0.0217, "2.17 %"),
        ("seconds", 12.4, "12 s"),
        ("incumbent", 8123.44, "8\u202f123.4"),
        ("rows", 4000, "4\u202f000"),
        ("phase", "solving", "solving"),
        ("proved", True, "True"),
    ],
)
def test_figures_of_a_job_are_written_by_their_kind(name, value, text):
    assert filters.job_figure(value, name) == text


def test_the_figures_of_a_solve_have_plain_names():
    assert filters.job_label("incumbent") == "Best value so far"
    assert filters.job_label("bound") == "Proven to be at most"
    assert filters.job_label("rows_written") == "Rows written"


def test_a_history_leaves_out_what_only_a_program_can_read():
    detail = {"site_id": 1, "input_digest": "9f", "plan_ids": [1, 2], "paid": True, "status": "optimal"}

    assert filters.history_words(detail) == "paid: yes · status: optimal"


@pytest.mark.parametrize(
    ("errors", "said"),
    [
        (["Not a valid float value.", "Number must be between 1 and 120.0."], ["Give a number."]),
        (["Number must be between 1.5 and 120.0."], ["Number must be between 1.5 and 120."]),
        (
            [{"starts_at": ["Not a valid time value."]}, {"ends_at": ["Too late."]}],
            ["Give a time, such as 09:30.", "Too late."],
        ),
        (["Field cannot be longer than 80 characters."], ["At most 80 characters."]),
        ([], []),
    ],
)
def test_what_cannot_be_read_is_said_once_and_without_the_types_of_a_program(errors, said):
    assert filters.flat_errors(errors) == said


def test_a_history_says_moments_by_the_clock_of_the_site():
    detail = {"starts_at": "2026-11-23T14:00:00+00:00", "ends_at": ["2026-11-23T16:00:00.5Z", None], "on": "2026-11-23"}

    assert filters.history_words(detail, "Europe/Berlin") == (
        "starts at: 23 Nov 2026, 15:00 · ends at: 23 Nov 2026, 17:00 → – · on: 2026-11-23"
    )


def test_a_pair_in_a_detail_reads_as_before_and_after():
    assert filters.detail_words({"level": [2, 3], "skill_code": "bill"}) == "level: 2 → 3 · skill code: bill"
    assert filters.detail_words({"changes": {"name": ["A", None]}, "ids": [], "kept": [1, 2, 3]}) == (
        "changes: name A → – · ids: – · kept: 1, 2, 3"
    )


@pytest.mark.parametrize(("cell", "text"), [(1.0, "1"), (2.25, "2.2"), (None, ""), ("x", "x"), (3, "3")])
def test_cells_of_a_figures_table(cell, text):
    assert filters.figure_cell(cell) == text


def test_slugs_hold_letters_and_figures_only():
    assert filters.slug(" Demand / capacity, 30 min ") == "demand-capacity-30-min"


@pytest.mark.parametrize(
    "address", [None, "", "https://evil.example", "//evil.example", "/\\evil.example", "plans", "/a\nb", "javascript:x"]
)
def test_a_form_never_sends_anybody_out_of_mainstay(address):
    assert local_path(address, otherwise="/plans") == "/plans"


def test_a_form_may_send_a_person_to_another_page():
    assert local_path("/jobs/1?x=1", otherwise="/") == "/jobs/1?x=1"
