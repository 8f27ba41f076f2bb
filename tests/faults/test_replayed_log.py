"""A call log replayed through the server is what the import in order says, in CI at a size that takes seconds."""

from __future__ import annotations

import datetime as dt
import random

import pytest
from sqlalchemy import update

from tests import running
from tests.load.replay import SITE, ZONE, compare, prepare, replay
from webapp.models import Contact
from webapp.services import zones

DAY = dt.date(2026, 11, 9)
CALLS = 70
HEADER = "call_id,customer,type,date,entered_at,queued_at,left_queue_at,outcome,served_at,ended_at,agent"


@pytest.fixture
def log(tmp_path):
    """Return a file of made-up calls, some of which give up, some without a wait, some at the same second."""
    chance = random.Random(5)
    lines = [HEADER]
    for number in range(CALLS):
        asked = dt.timedelta(hours=9, seconds=60 * chance.randrange(400))
        begun = asked + dt.timedelta(seconds=chance.choice([0, 0, 20, 75]))
        over = begun + dt.timedelta(seconds=chance.randrange(1, 600))
        customer = chance.choice(["0", f"c{number % 9}"])
        stages = f"{customer},{chance.choice(['PS', 'NW'])},{DAY},{asked},{asked},{begun}"
        end = f"served,{begun},{over},{chance.choice(['AVI', 'DORIT'])}" if chance.random() < 0.8 else "abandoned,,,"
        lines.append(f"{number},{stages},{end}")
    path = tmp_path / "calls.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _compared(installation, prefix, day):
    begin, end = zones.day_bounds(day, ZONE)
    return compare(installation.database, prefix=prefix, begin=begin, end=end)


def test_calls_in_any_order_and_number_are_the_log_in_order_twice(installation, log):
    paths = prepare(installation.database, installation.url, log, rounds=2)

    with running.server(installation.url, installation.folder) as served:
        for seed, path in enumerate(paths):
            said = replay(
                installation.url,
                f"{served.url}{path}",
                log,
                *("--speed", "0", "--late", "600", "--copies", "3", "--seed", str(seed)),
                prefix=f"round-{seed}:",
            )

            assert said["acknowledged"] == said["messages"] > said["events"]
            # Whatever was sent again on the way would be a copy as well.
            assert said["duplicates"] >= said["messages"] - said["events"]
            assert (said["calls"], said["differences"], said["refused"], said["failed"]) == (CALLS, 0, {}, 0)
            found = _compared(installation, f"round-{seed}:", DAY)
            assert found.none, found
            assert found.contacts == CALLS
    installation.assert_sound()


def test_a_contact_that_differs_is_found_out(installation, log):
    [path] = prepare(installation.database, installation.url, log, rounds=1)
    options = ("--speed", "0", "--copies", "1")

    with running.server(installation.url, installation.folder) as served:
        replay(installation.url, f"{served.url}{path}", log, *options, prefix="r:")
        wrong = f"r:{SITE}:7"
        # Past the models: they would refuse a change that nobody is told of.
        with installation.database.engine.begin() as connection:
            connection.execute(
                update(Contact.metadata.tables["contact"]).where(Contact.external_id == wrong).values(customer_key="x")
            )
        said = replay(installation.url, f"{served.url}{path}", log, *options, prefix="r:", expected=(1,))

    assert (said["duplicates"], said["different"]) == (said["messages"], [wrong])
    assert _compared(installation, "r:", DAY).different == 1


def test_messages_that_nobody_trusts_are_counted_as_refused(installation, log):
    [path] = prepare(installation.database, installation.url, log, rounds=1)

    with running.server(installation.url, installation.folder) as served:
        said = replay(
            installation.url,
            f"{served.url}{path}",
            log,
            *("--speed", "0", "--copies", "1", "--secret", "whsec_of_somebody_else"),
            prefix="",
            expected=(1,),
        )

    assert said["refused"] == {"401": said["messages"]}


def test_some_of_the_banks_log_is_the_log_in_order(installation, shared_data, tmp_path):
    whole = (shared_data / "demand" / "technion_aug_01-14.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    some = tmp_path / "some.csv"
    some.write_text("".join(whole[:1] + whole[400:470]), encoding="utf-8")
    [path] = prepare(installation.database, installation.url, some, rounds=1)

    with running.server(installation.url, installation.folder) as served:
        said = replay(installation.url, f"{served.url}{path}", some, "--speed", "0", "--copies", "2", prefix="r:")

    assert said["calls"] > 20
    assert said["differences"] == 0
