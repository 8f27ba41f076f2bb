"""A day of the bank's log becomes a problem by the construction that its module documents."""

from __future__ import annotations

from datetime import date

import pytest

from optimizer import Policy, solve, verify
from optimizer.benchmarks.bank import COLUMNS, BankLogError, list_days, read_bank_day

DAY = date(2010, 8, 10)


def row(kind, outcome, begin, end, server="NO_SERVER", *, on="2010-08-10", customer="0", priority="0"):
    """Return one line of a log; a call that is given up waits from `begin` to `end`."""
    served = outcome == "AGENT"
    cells = {
        "customer_id": customer,
        "priority": priority,
        "type": kind,
        "date": on,
        "q_start": "0:00:00" if served else begin,
        "q_exit": "0:00:00" if served else end,
        "outcome": outcome,
        "ser_start": begin if served else "0:00:00",
        "ser_exit": end if served else "0:00:00",
        "server": server,
    }
    return ",".join(cells[name] for name in COLUMNS)


@pytest.fixture
def write_log(tmp_path):
    """Return a function that writes lines as a log and returns its path."""

    def write(*lines):
        path = tmp_path / "log.csv"
        path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n", encoding="utf-8")
        return path

    return write


def history(server, kind, count, on="2010-08-09"):
    """Return so many calls of five minutes on another day."""
    return [row(kind, "AGENT", "9:00:00", "9:05:00", server, on=on) for _ in range(count)]


def test_served_calls_become_demand_of_the_half_hour_in_which_they_begin(write_log):
    path = write_log(
        *history("AVI", "PS", 5),
        row("PS", "AGENT", "7:10:00", "7:14:00", "AVI"),
        row("PS", "AGENT", "7:29:00", "7:35:30", "AVI"),
        row("PS", "AGENT", "8:00:00", "8:02:00", "AVI"),
        row("PS", "AGENT", "6:59:00", "7:20:00", "AVI"),
    )

    problem = read_bank_day(path, DAY)

    (demand,) = problem.forecast
    assert demand.minutes[:4] == (10.5, 0.0, 2.0, 0.0)
    assert len(demand.minutes) == problem.intervals == 34


def test_skills_follow_from_the_contacts_served_so_far(write_log):
    """Four calls of a type are no skill, five are level 1, fifty are level 2; what comes later is not known."""
    path = write_log(
        *history("AVI", "PS", 49),
        *history("AVI", "NE", 4),
        *history("AVI", "NW", 4),
        *history("AVI", "NE", 40, on="2010-08-11"),
        row("PS", "AGENT", "7:10:00", "7:14:00", "AVI"),
        row("NW", "AGENT", "7:20:00", "7:24:00", "AVI"),
    )

    (agent,) = read_bank_day(path, DAY).agents

    assert agent.id == "avi"
    assert agent.skills == {"PS": 2, "NW": 1}


def test_an_agent_is_on_shift_between_calls_but_not_through_three_hours_of_silence(write_log):
    """90 % of 07:10 to 08:00 and of 12:00 to 12:30."""
    path = write_log(
        row("PS", "AGENT", "7:10:00", "7:14:00", "AVI"),
        row("PS", "AGENT", "7:50:00", "8:00:00", "AVI"),
        row("PS", "AGENT", "12:00:00", "12:30:00", "AVI"),
    )

    (agent,) = read_bank_day(path, DAY).agents

    assert agent.capacity[:3] == (18.0, 27.0, 0.0)
    assert agent.capacity[10] == 27.0
    assert sum(agent.capacity) == 72.0


def test_a_caller_who_gave_up_is_called_back(write_log):
    """Mean minutes of the type are (4 + 8) / 2; the caller hung up at 09:40, so the call back may start at 10:00."""
    path = write_log(
        row("PS", "AGENT", "9:00:00", "9:04:00", "AVI", customer="77", on="2010-08-09"),
        row("PS", "AGENT", "9:00:00", "9:08:00", "AVI"),
        row("PS", "HANG", "9:35:00", "9:40:00", customer="77", priority="2"),
        row("PS", "HANG", "9:00:00", "9:00:00"),
        row("PS", "PHANTOM", "9:00:00", "9:10:00"),
        row("PS", "HANG", "23:50:00", "23:55:00"),
    )

    (callback,) = read_bank_day(path, DAY).engagements

    assert (callback.earliest, callback.due, callback.latest) == (6, 10, 33)
    assert (callback.minutes, callback.value, callback.priority) == (6.0, 6.0, 2)
    assert (callback.customer, callback.known_agents) == ("77", ("avi",))


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([row("PS", "HANG", "9:00:00", "9:01:00")], "nobody who served a call on 2010-08-10"),
        ([row("PS", "AGENT", "nine", "9:01:00", "AVI")], "log.csv"),
    ],
)
def test_a_log_without_the_day_or_with_an_unreadable_time_is_refused(write_log, lines, message):
    path = write_log(*lines)

    with pytest.raises(BankLogError, match=message):
        read_bank_day(path, DAY)


def test_a_file_that_is_no_log_is_refused_with_the_columns_that_it_lacks(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("name\nAvi\n")

    with pytest.raises(BankLogError, match="no column customer_id, date"):
        list_days(path)


def test_the_banks_days_become_problems_with_valid_plans(shared_data):
    path = shared_data / "demand" / "technion_aug_01-14.csv"

    problem = read_bank_day(path, DAY, Policy(gap=0.01))
    plan = solve(problem)

    assert len(list_days(path)) == 14
    assert len(problem.agents) == 14
    assert len(problem.engagements) == 733
    assert verify(problem, plan) == ()
    assert plan.reserved
    assert plan.assignments
