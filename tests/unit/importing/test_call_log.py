"""Each row of a call log becomes a contact or is rejected with one reason."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from webapp.errors import InvalidInputError
from webapp.models import ContactOutcome
from webapp.services.importing.call_log.calls import REASONS, Call, CallReader
from webapp.services.importing.call_log.history import HandleTimes, handle_times, infer_shifts, level_by_count
from webapp.services.importing.call_log.presets import find_preset, list_presets, load_preset, parse_preset
from webapp.services.importing.problems import Problem
from webapp.services.importing.table import Row

PRESET = load_preset("technion")
HEADER = tuple(PRESET.columns.values())
GOOD = {
    "vru+line": "AA0101",
    "call_id": "33116",
    "customer_id": "9664491",
    "type": "PS",
    "date": "2010-08-01",
    "vru_entry": "9:31:00",
    "vru_exit": "9:31:05",
    "vru_time": "5",
    "q_start": "9:31:05",
    "q_exit": "9:32:15",
    "q_time": "70",
    "outcome": "AGENT",
    "ser_start": "9:32:14",
    "ser_exit": "9:34:02",
    "ser_time": "108",
    "server": "AVI",
}
NO_QUEUE: dict[str, Any] = {"q_start": "0:00:00", "q_exit": "0:00:00", "q_time": "0"}
NO_SERVICE: dict[str, Any] = {"ser_start": "0:00:00", "ser_exit": "0:00:00", "ser_time": "0", "server": "NO_SERVER"}


def reader() -> CallReader:
    return CallReader(PRESET, PRESET.columns, HEADER, PRESET.time_zone)


def read(reader: CallReader | None = None, number: int = 2, **changes: Any) -> Any:
    cell = {**GOOD, **changes}
    known = reader or CallReader(PRESET, PRESET.columns, HEADER, PRESET.time_zone)
    return known.read(Row(number, tuple(cell[name] for name in HEADER)))


def test_served_call_waits_from_its_queue_on():
    call = read()

    # Israel was three hours ahead of UTC on that day; the queue began at 9:31:05 and the service at 9:32:14.
    assert call == Call(
        row=2,
        identity="2010-08-01:AA0101:33116",
        type_code="PS",
        agent="AVI",
        customer="9664491",
        arrived_at=dt.datetime(2010, 8, 1, 6, 31, 5, tzinfo=dt.UTC),
        served_at=dt.datetime(2010, 8, 1, 6, 32, 14, tzinfo=dt.UTC),
        ended_at=dt.datetime(2010, 8, 1, 6, 34, 2, tzinfo=dt.UTC),
        wait_seconds=69,
        outcome=ContactOutcome.SERVED,
    )
    assert call.minutes == 1.8


def test_call_that_is_served_at_once_did_not_wait_although_clocks_differ_by_a_second():
    call = read(**NO_QUEUE, ser_start="9:31:04", ser_exit="9:31:10", ser_time="6")

    assert call.wait_seconds == 0
    assert call.arrived_at == call.served_at


def test_call_given_up_in_the_queue_is_a_contact_without_an_agent():
    call = read(outcome="HANG", **NO_SERVICE)

    assert (call.outcome, call.agent, call.wait_seconds, call.minutes) == (ContactOutcome.ABANDONED, None, 70, 0.0)


def test_call_through_midnight_ends_on_the_next_day():
    call = read(
        vru_entry="23:59:23",
        vru_exit="23:59:23",
        vru_time="0",
        q_start="23:59:23",
        q_exit="0:00:57",
        q_time="94",
        ser_start="0:00:56",
        ser_exit="0:01:15",
        ser_time="19",
    )

    assert call.served_at == dt.datetime(2010, 8, 1, 21, 0, 56, tzinfo=dt.UTC)
    assert call.arrived_at == dt.datetime(2010, 8, 1, 20, 59, 23, tzinfo=dt.UTC)


def test_unidentified_customer_has_no_key():
    assert read(customer_id="0").customer == ""


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"outcome": "PHANTOM"}, "phantom"),
        ({"outcome": "LOST"}, "unknown_outcome"),
        ({"type": "XX"}, "unknown_type"),
        ({"server": "NO_SERVER"}, "no_agent"),
        ({"ser_start": "0:00:00", "ser_exit": "0:00:00", "ser_time": "0"}, "no_service_time"),
        ({"ser_exit": "9:32:14", "ser_time": "0"}, "no_service_time"),
        ({"vru_entry": "9:32:00", "vru_time": "-55"}, "negative_time"),
        ({"ser_exit": "9:30:00", "ser_time": "-134"}, "negative_time"),
        ({"q_start": "9:40:00", "q_exit": "9:41:00", "q_time": "60"}, "negative_time"),
        ({"ser_exit": "12:45:00", "ser_time": "11566"}, "absurd_time"),
        ({"ser_time": "107"}, "stated_time"),
        ({"ser_start": "9h"}, "unreadable"),
        ({"date": "1.8.2010"}, "unreadable"),
        ({"outcome": "HANG"}, "contradiction"),
        ({"outcome": "HANG", **NO_QUEUE, **NO_SERVICE}, "left_menu"),
        ({"outcome": "HANG", **NO_SERVICE, "q_exit": "12:31:05", "q_time": "10800"}, "absurd_time"),
        (
            {
                "date": "2010-03-26",
                "vru_entry": "2:30:00",
                "vru_exit": "2:30:00",
                "vru_time": "0",
                "q_start": "2:30:00",
                "q_exit": "2:30:10",
                "q_time": "10",
                "ser_start": "2:30:10",
                "ser_exit": "2:30:20",
                "ser_time": "10",
            },
            "impossible_time",
        ),
    ],
)
def test_other_rows_are_rejected_with_their_reason(changes, code):
    problem = read(**changes)

    assert isinstance(problem, Problem)
    assert (problem.row, problem.code) == (2, code)
    assert problem.message == REASONS[code]


def test_second_row_of_a_call_is_rejected_and_names_the_first():
    known = reader()
    read(known, 2)

    problem = read(known, 3)

    assert problem.code == "duplicate_call"
    assert "row 2" in problem.value


def test_same_id_on_another_line_or_day_is_another_call():
    known = reader()

    assert isinstance(read(known, 2), Call)
    assert isinstance(read(known, 3, **{"vru+line": "AA0102"}), Call)
    assert isinstance(read(known, 4, date="2010-08-02"), Call)


def test_ragged_row_is_unreadable_with_what_is_wrong():
    problem: Any = reader().read(Row(7, ("x",), (Problem(7, "", "x", "ragged_row", "This row has 1 cells."),)))

    assert (problem.code, problem.row) == ("unreadable", 7)
    assert "1 cells" in problem.message


@pytest.mark.parametrize(("count", "level"), [(0, 0), (4, 0), (5, 1), (49, 1), (50, 2), (100_000, 2)])
def test_counts_show_level_1_from_5_and_2_from_50_and_never_more(count, level):
    assert level_by_count(count) == level


def test_handle_times_are_mean_and_median():
    assert handle_times([1.0, 2.0, 6.0]) == HandleTimes(count=3, mean_minutes=3.0, median_minutes=2.0)
    assert handle_times([]) is None


def utc(day, hour, minute=0):
    return dt.datetime(2010, 8, day, hour, minute, tzinfo=dt.UTC)


def shifts(*services):
    return infer_shifts(services, time_zone="Asia/Jerusalem", day_starts=dt.time(4), gap=dt.timedelta(minutes=180))


def test_shift_lasts_from_first_to_last_contact_of_the_day():
    assert shifts((utc(1, 9), utc(1, 10)), (utc(1, 5), utc(1, 6)), (utc(1, 7), utc(1, 8))) == [
        (dt.date(2010, 8, 1), (utc(1, 5), utc(1, 10)))
    ]


def test_contact_after_midnight_belongs_to_the_evening_before():
    # 21:30 UTC is 00:30 of the next day in Jerusalem.
    assert shifts((utc(1, 19), utc(1, 20)), (utc(1, 21, 30), utc(1, 22))) == [
        (dt.date(2010, 8, 1), (utc(1, 19), utc(1, 22)))
    ]


def test_long_silence_parts_two_shifts_of_a_day():
    found = shifts((utc(1, 5), utc(1, 6)), (utc(1, 9), utc(1, 10)), (utc(1, 12, 59), utc(1, 13)))

    assert [span for _, span in found] == [(utc(1, 5), utc(1, 6)), (utc(1, 9), utc(1, 13))]


def test_presets_are_found_by_name_and_by_headers():
    assert list_presets() == ["plain", "technion"]
    assert find_preset((*HEADER, "more")) == PRESET
    assert find_preset(("a", "b")) is None


def test_unknown_preset_is_refused_with_a_suggestion():
    with pytest.raises(InvalidInputError, match="technion"):
        load_preset("technoin")


@pytest.mark.parametrize("text", ["not toml =", "title = 'x'"])
def test_preset_that_cannot_be_read_is_refused(text):
    with pytest.raises(InvalidInputError, match="cannot be read"):
        parse_preset("mine", text)
