"""The pages and the command of simulations: asking for one, reading it, and who may."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import sys

import pytest
from sqlalchemy import func, select

from tests.factories import NOW, TODAY
from webapp.cli import console
from webapp.cli.main import main
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import Channel, Role, Simulation
from webapp.services import simulating
from webapp.services.simulating import SimulationRequest

YESTERDAY = TODAY - dt.timedelta(days=1)
OPENS = NOW - dt.timedelta(days=1)
ASKED = {
    "day": YESTERDAY.isoformat(),
    "policies": ["longest-idle", "bid-price-cover"],
    "seeds": 2,
    "target_seconds": 30,
}


@pytest.fixture
def site(make):
    return make.site(code="harbour", name="Harbour")


@pytest.fixture
def scheduler(make, site):
    return make.person(name="Sol", site=site, roles=[Role.SCHEDULER])


@pytest.fixture
def day(make, site):
    skill = make.skill(name="Billing")
    calls = make.engagement_type(name="Calls", channel=Channel.VOICE, requires={skill: 2})
    person = make.person(name="Ana Agent", team=make.team(site=site))
    make.shift(person, starts_at=OPENS, hours=2)
    make.record(person, skill, 3)
    for number in range(8):
        make.contact(calls, OPENS + number * dt.timedelta(minutes=9), 8, site_id=site.id, person_id=person.id)


@pytest.fixture
def simulated(make, database, clock, site, scheduler, day):
    """Return the id of a simulation that has ended."""
    simulation = simulating.request_simulation(
        make.session,
        site,
        YESTERDAY,
        request=SimulationRequest(policies=("longest-idle", "bid-price"), seeds=2),
        by=make.actor(scheduler),
    )
    simulation_id = simulation.id
    make.commit()
    load_bodies()
    Executor(database, clock).run_once()
    return simulation_id


def test_the_page_offers_yesterday(sign_in, scheduler):
    page = sign_in(scheduler).get("/simulations").text

    assert f'value="{YESTERDAY.isoformat()}"' in page
    assert "No simulation yet" in page
    assert "Rolling batch" in page


def test_asking_leads_to_a_page_that_follows_the_job(make, sign_in, scheduler, day):
    make.commit()
    client = sign_in(scheduler)

    answer = client.post("/simulations", data=ASKED)

    assert answer.status_code == 302
    page = client.get(answer.location).text
    assert "Simulating" in page
    assert "Queued" in page
    assert "Cancel" in page
    assert "Queued" in client.get("/simulations").text


@pytest.mark.parametrize(
    "case",
    [
        ({"day": TODAY.isoformat()}, "Only days that have ended can be simulated."),
        ({"day": "2020-02-02"}, "No contacts are known at Harbour on 2 Feb 2020. Import a call log of the day first."),
        ({"day": ""}, "Choose a day that is over."),
        ({"policies": []}, "Choose at least one policy."),
        ({"policies": ["chance"]}, "not a valid choice"),
        ({"seeds": 1}, "Give a number from 2 to 100."),
        ({"seeds": "many"}, "Give a whole number."),
        ({"target_seconds": 0}, "Give a number from 1 to 3600."),
    ],
)
def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(make, sign_in, database, scheduler, day, case):
    wrong, told = case
    make.commit()

    answer = sign_in(scheduler).post("/simulations", data=ASKED | {"target_seconds": 45} | wrong)

    assert answer.status_code == 422
    assert told in answer.text
    if "target_seconds" not in wrong:
        assert 'value="45"' in answer.text
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Simulation)) == 0


def test_the_result_says_in_words_in_figures_and_as_csv_what_came_out(sign_in, scheduler, simulated):
    client = sign_in(scheduler)

    page = client.get(f"/simulations/{simulated}").text
    rows = list(csv.DictReader(io.StringIO(client.get(f"/simulations/{simulated}?format=csv").text.lstrip("\ufeff"))))
    picture = client.get(f"/simulations/{simulated}/figure")
    listed = client.get("/simulations").text

    assert "Bid price beside longest idle: all differences are smaller than chance." in page
    assert "tone-weighted value equals value" in page
    assert "of hindsight" in listed
    assert [row["policy"] for row in rows] == ["longest-idle", "bid-price"]
    assert 0 < float(rows[0]["share_of_hindsight"]) <= 1
    assert rows[0]["value"] == rows[0]["tone_value"]
    assert picture.mimetype == "image/svg+xml"


def test_no_page_names_who_served(sign_in, scheduler, simulated):
    client = sign_in(scheduler)

    for path in ("", "?format=csv", "/figure?format=csv"):
        assert "Ana" not in client.get(f"/simulations/{simulated}{path}").text


def test_another_sites_scheduler_finds_nothing(make, sign_in, simulated, site):
    site_id = site.id
    stranger = make.person(site=make.site(name="Far"), roles=[Role.SCHEDULER])
    make.commit()
    client = sign_in(stranger)

    assert client.get(f"/simulations/{simulated}").status_code == 404
    assert client.get(f"/simulations/{simulated}/figure").status_code == 404
    assert client.get(f"/simulations?site={site_id}").status_code == 404
    assert client.post(f"/simulations?site={site_id}", data=ASKED).status_code == 404


def test_agents_do_not_simulate(make, sign_in, simulated, site):
    agent = make.person(team=make.team(site=site))
    make.commit()
    client = sign_in(agent)

    assert client.get("/simulations").status_code == 403
    assert client.get(f"/simulations/{simulated}").status_code == 403
    assert client.post("/simulations", data=ASKED).status_code == 403


def test_a_simulation_that_is_not_there_and_a_picture_without_a_result(make, sign_in, scheduler, site, day):
    waiting = simulating.request_simulation(
        make.session, site, YESTERDAY, request=SimulationRequest(seeds=2), by=make.actor(scheduler)
    ).id
    make.commit()
    client = sign_in(scheduler)

    assert client.get("/simulations/999").status_code == 404
    assert client.get(f"/simulations/{waiting}/figure").status_code == 404
    assert client.get(f"/simulations/{waiting}?format=csv").text.count("\n") == 1


@pytest.fixture
def mainstay(database, monkeypatch, capsys):
    """Return a function that runs ``mainstay`` with some words and returns its exit code, output and errors."""
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MAINSTAY_ENV", "test")
    monkeypatch.setenv("MAINSTAY_EXECUTOR", "none")

    def _run(*words):
        console.get_config.cache_clear()
        console.get_database.cache_clear()
        monkeypatch.setattr(sys, "argv", ["mainstay", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        console.get_database().dispose()
        told = capsys.readouterr()
        return ended.value.code or 0, told.out, told.err

    yield _run
    console.get_config.cache_clear()
    console.get_database.cache_clear()


def test_the_command_answers_for_people_and_scripts(make, mainstay, database, day):
    make.commit()
    words = ("simulate", "--site", "harbour", "--day", YESTERDAY.isoformat(), "--seeds", "2")

    code, told, _ = mainstay(*words)
    _, written, _ = mainstay(*words, "--policies", "best-skill", "--json")

    assert code == 0
    assert "Contacts: 8, of 1 type; agents on shift: 1" in told
    assert "\nbid-price-cover " in told
    assert "tone-weighted value equals value" in told
    assert list(json.loads(written)["policies"]) == ["best-skill"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Simulation)) == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--policies", "chance"), "There is no policy 'chance'"),
        (("--seeds", "1"), "Between 2 and 100 draws"),
        (("--day", "2020-02-02"), "No contacts are known at Harbour on 2 Feb 2020"),
        (("--site", "nowhere"), "There is no site 'nowhere'"),
    ],
)
def test_the_command_says_what_is_wrong(make, mainstay, day, words, told):
    make.commit()

    code, _, err = mainstay("simulate", "--site", "harbour", "--day", YESTERDAY.isoformat(), *words)

    assert code == 1
    assert told in err
