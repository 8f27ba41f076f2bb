"""Cells are read one way only; whatever could be meant two ways is refused with what would be accepted."""

from __future__ import annotations

import datetime as dt

import pytest

from webapp.models import Channel
from webapp.services.importing import values
from webapp.services.importing.problems import CellError


def local(*parts: int) -> dt.datetime:
    """Return a time as a clock shows it, without a zone."""
    return dt.datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001


@pytest.mark.parametrize("cell", ["6", "-1", "3.5", "3,5", "three", "1e1", "٣", ""])
def test_only_whole_levels_from_0_to_5_are_levels(cell):
    with pytest.raises(CellError) as refused:
        values.level.parse(cell)

    assert refused.value.code == "not_a_level"
    assert values.level.accepts == "a whole proficiency level from 0 to 5"


@pytest.mark.parametrize("level", range(6))
def test_each_level_is_read(level):
    assert values.level.parse(str(level)) == level


@pytest.mark.parametrize("cell", ["2026-04-03", "2026-4-3", "03.04.2026", "3 Apr 2026", "3 april 2026"])
def test_dates_are_read_in_the_three_accepted_ways(cell):
    assert values.parse_date(cell) == dt.date(2026, 4, 3)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("03/04/2026", "ambiguous_date"),
        ("2026/04/03", "ambiguous_date"),
        ("31.02.2026", "impossible_date"),
        ("2026-13-01", "impossible_date"),
        ("0026-01-01", "impossible_date"),
        ("3 Foo 2026", "not_a_date"),
        ("yesterday", "not_a_date"),
        ("46115", "not_a_date"),
    ],
)
def test_other_dates_are_refused_with_the_accepted_ways(cell, code):
    with pytest.raises(CellError) as refused:
        values.parse_date(cell)

    assert refused.value.code == code
    assert "2026-04-03" in refused.value.accepted


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-11-23 08:00", local(2026, 11, 23, 8)),
        ("2026-11-23T08:00:30", local(2026, 11, 23, 8, 0, 30)),
        ("3 Apr 2026 14:30", local(2026, 4, 3, 14, 30)),
        ("2026-11-23 08:00Z", dt.datetime(2026, 11, 23, 8, tzinfo=dt.UTC)),
        ("2026-11-23T08:00+0130", dt.datetime(2026, 11, 23, 6, 30, tzinfo=dt.UTC)),
        ("2026-11-23 08:00 -05:00", dt.datetime(2026, 11, 23, 13, tzinfo=dt.UTC)),
    ],
)
def test_moments_are_local_unless_they_carry_an_offset(cell, moment):
    read = values.parse_moment(cell)

    assert read == moment
    assert (read.tzinfo is None) == (moment.tzinfo is None)


@pytest.mark.parametrize(
    "cell", ["2026-11-23", "08:00", "2026-11-23 24:00", "2026-11-23 8", "2026-11-23 08:00+15:00", "03/04/2026 08:00"]
)
def test_half_a_moment_is_refused_with_how_to_write_one(cell):
    with pytest.raises(CellError) as refused:
        values.parse_moment(cell)

    assert refused.value.accepted == values.MOMENTS


@pytest.mark.parametrize(("cell", "number"), [("12.5", 12.5), ("+3", 3.0), ("0.000000001", 1e-9)])
def test_numbers_have_a_decimal_point(cell, number):
    assert values.decimal(0, 100, exclusive=True).parse(cell) == number


@pytest.mark.parametrize("cell", ["12,5", "1.000,5", "1e3", "nan", "inf", "0", "101", "1" * 40])
def test_other_numbers_and_those_out_of_range_are_refused(cell):
    with pytest.raises(CellError):
        values.decimal(0, 100, exclusive=True).parse(cell)


def test_decimal_comma_is_called_by_its_name():
    with pytest.raises(CellError, match="comma"):
        values.decimal(0, 100).parse("3,5")


@pytest.mark.parametrize("cell", ["a b", "a;b", "x" * 81, "=1", "a,b", "tab\tbed"])
def test_codes_have_no_separators_and_an_end(cell):
    with pytest.raises(CellError):
        values.code.parse(cell)


def test_choice_suggests_what_may_have_been_meant():
    with pytest.raises(CellError, match="email"):
        values.choice(Channel).parse("emial")


def test_choice_forgives_case():
    assert values.choice(Channel).parse("Email") is Channel.EMAIL


@pytest.mark.parametrize(("cell", "meaning"), [("yes", True), ("N", False), ("TRUE", True), ("0", False)])
def test_flags_are_read_in_usual_ways(cell, meaning):
    assert values.flag.parse(cell) is meaning


def test_anything_else_is_no_flag():
    with pytest.raises(CellError):
        values.flag.parse("maybe")


@pytest.mark.parametrize("cell", ["ana", "ana@", "ana@host", "a b@example.com"])
def test_addresses_have_a_name_and_a_domain(cell):
    with pytest.raises(CellError):
        values.email.parse(cell)


def test_text_has_a_limit():
    assert values.text(3).parse("abc") == "abc"
    with pytest.raises(CellError):
        values.text(3).parse("abcd")
