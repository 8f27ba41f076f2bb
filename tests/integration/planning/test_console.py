"""``mainstay plan`` and ``mainstay assign``: a day planned, published, checked and scored from the console alone."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from optimizer import Policy
from tests.factories import TODAY, Make
from tests.factories.optimizer_problems import a_problem, an_agent, an_engagement
from tests.integration.planning.conftest import AT_NINE, Day
from webapp.cli import console, main
from webapp.db import Database
from webapp.models import Plan, PlanState
from webapp.services.planning import pins

Mainstay = Callable[..., tuple[int, str, str]]
ON = ("--site", "home", "--day", TODAY.isoformat())


@pytest.fixture
def mainstay(
    database: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Mainstay]:
    """Return a function that runs ``mainstay`` with some words and returns its exit code, output and errors."""
    monkeypatch.setenv("DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MAINSTAY_ENV", "test")
    monkeypatch.setenv("MAINSTAY_EXECUTOR", "none")

    def _run(*words: str) -> tuple[int, str, str]:
        console.get_config.cache_clear()
        console.get_database.cache_clear()
        monkeypatch.setattr(sys, "argv", ["mainstay", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        console.get_database().dispose()
        told = capsys.readouterr()
        code = ended.value.code
        return (code if isinstance(code, int) else 0), told.out, told.err

    yield _run
    console.get_config.cache_clear()
    console.get_database.cache_clear()


@pytest.fixture
def day_there(make: Make, day: Day) -> Day:
    """Return the small day, committed."""
    make.commit()
    return day


def test_a_day_from_run_to_score(mainstay: Mainstay, database: Database, make: Make, day: Day) -> None:
    make.contact(day.calls, AT_NINE, 10)
    make.commit()
    sam = ("--as", str(day.scheduler.email))

    code, out, err = mainstay("plan", "run", *ON, "--seconds", "5", *sam)
    assert code == 0
    assert "Engagements: 3 assigned, 1 not (75.0% served)." in out
    assert "customers" in err
    code, out, _ = mainstay("plan", "show", *ON, "--assignments", "--unassigned")
    assert "Billing mail" in out
    assert "no_skill" in out
    code, out, _ = mainstay("plan", "publish", *ON, *sam)
    assert (code, out.splitlines()[0]) == (0, "Published.")
    code, out, _ = mainstay("plan", "verify", *ON)
    assert (code, out.strip()) == (0, "Plan 1: 0 violations.")
    code, out, _ = mainstay("plan", "score", *ON)
    assert "10 minutes of real work: this plan 100.0%" in out
    with database.reading() as session:
        assert session.scalars(select(Plan.state)).all() == [PlanState.PUBLISHED]


def test_scripts_read_json(mainstay: Mainstay, make: Make, day: Day) -> None:
    make.contact(day.calls, AT_NINE, 10)
    make.commit()

    _, out, err = mainstay("plan", "run", *ON, "--seconds", "5", "--json")
    run = json.loads(out)
    assert err == ""
    assert (run["assigned"], run["unassigned"], run["state"]) == (3, 1, "draft")
    shown = json.loads(mainstay("plan", "show", str(run["plan"]), "--assignments", "--unassigned", "--json")[1])
    assert len(shown["assignments"]) == 3
    assert shown["unassigned_engagements"][0]["cause"] == "no_skill"
    assert json.loads(mainstay("plan", "verify", str(run["plan"]), "--json")[1])["violations"] == []
    assert json.loads(mainstay("plan", "score", str(run["plan"]), "--json")[1])["share"] == 1.0


def test_run_and_publish_at_once(mainstay: Mainstay, database: Database, day_there: Day) -> None:
    code, _, _ = mainstay("plan", "run", *ON, "--seconds", "5", "--publish", "--as", str(day_there.scheduler.email))

    assert code == 0
    with database.reading() as session:
        assert session.scalars(select(Plan.state)).all() == [PlanState.PUBLISHED]


def test_a_plan_is_published_by_a_person(mainstay: Mainstay, day_there: Day) -> None:
    assert mainstay("plan", "run", *ON, "--publish")[0] == 2
    assert mainstay("plan", "publish", *ON)[0] == 2


def test_stale_inputs_are_listed_and_accepted_only_on_purpose(
    mainstay: Mainstay, database: Database, make: Make, day_there: Day
) -> None:
    sam = ("--as", str(day_there.scheduler.email))
    mainstay("plan", "run", *ON, "--seconds", "5", *sam)
    make.engagement(day_there.mail, external_id="late", earliest_at=AT_NINE)
    make.commit()

    code, _, err = mainstay("plan", "publish", *ON, *sam)
    assert code == 1
    assert "late is new and not in this plan." in err
    with database.reading() as session:
        assert session.scalars(select(Plan.state)).all() == [PlanState.DRAFT]
    assert mainstay("plan", "publish", *ON, *sam, "--accept-changes")[0] == 0


def test_an_infeasible_day_ends_with_three_and_names_the_pins(
    mainstay: Mainstay, session: Session, make: Make, day: Day
) -> None:
    pins.pin_engagement(session, day.hard, day.ben, AT_NINE, reason="Try", by=make.actor(day.scheduler))
    make.commit()

    code, out, _ = mainstay("plan", "run", *ON, "--seconds", "5")

    assert code == 3
    assert "hard is pinned to Ben Okri at 09:00." in out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("plan", "run", "--site", "nowhere", "--day", "2026-11-23"), "Sites: home."),
        (("plan", "run", "--site", "home", "--day", "2026-12-24"), "Nobody works"),
        (("plan", "run", *ON, "--policy", "x"), "There is no policy 'x'."),
        (("plan", "run", *ON, "--seconds", "0"), "time limit"),
        (("plan", "show", *ON), "There is no plan"),
        (("plan", "show", "99"), "There is no plan 99."),
        (("plan", "publish", *ON, "--as", "who@example.test"), "There is no plan"),
    ],
)
def test_wrong_words_are_answered_with_a_sentence(
    mainstay: Mainstay, day_there: Day, words: tuple[str, ...], told: str
) -> None:
    code, _, err = mainstay(*words)

    assert code == 1
    assert told in err


def test_a_plan_needs_a_name_and_a_score_needs_contacts(mainstay: Mainstay, day_there: Day) -> None:
    assert mainstay("plan", "show")[0] == 2
    mainstay("plan", "run", *ON, "--seconds", "5")
    code, _, err = mainstay("plan", "score", *ON)
    assert code == 1
    assert "Import the ACD log" in err


class TestAssign:
    def test_a_problem_file_becomes_a_plan_file(self, mainstay: Mainstay, tmp_path: Path) -> None:
        asked, answered = tmp_path / "problem.json", tmp_path / "plan.json"
        asked.write_text(json.dumps(a_problem([an_agent()], [an_engagement()]).to_json()), encoding="utf-8")

        code, out, err = mainstay("assign", str(asked), "-o", str(answered), "--progress", "--seconds", "5")

        assert code == 0
        assert "points" in out
        assert "s  " in err
        assert json.loads(answered.read_text())["status"] == "optimal"

    def test_a_plan_that_could_not_be_written_is_not_solved(self, mainstay: Mainstay, tmp_path: Path) -> None:
        asked = tmp_path / "problem.json"
        asked.write_text(json.dumps(a_problem([an_agent()], [an_engagement()]).to_json()), encoding="utf-8")

        code, out, err = mainstay("assign", str(asked), "-o", str(tmp_path / "nowhere" / "plan.json"))

        assert (code, out) == (2, "")
        assert "There is no folder" in err

    def test_a_refused_file_ends_with_two_and_names_the_path(self, mainstay: Mainstay, tmp_path: Path) -> None:
        asked = tmp_path / "problem.json"
        asked.write_text('{"version": 1, "intervals": 0}', encoding="utf-8")

        code, _, err = mainstay("assign", str(asked))

        assert code == 2
        assert "$" in err

    def test_what_each_weight_changes_is_written_and_said(self, mainstay: Mainstay, tmp_path: Path) -> None:
        asked, told = tmp_path / "problem.json", tmp_path / "weights.json"
        policy = Policy(weights={"service": 1.0, "continuity": 0.5}, growth_epsilon=0.0, time_limit_s=10)
        work = [an_engagement("e1", minutes=30, known_agents=("a1",)), an_engagement("e2", minutes=30, value=12)]
        asked.write_text(json.dumps(a_problem([an_agent()], work, policy=policy).to_json()), encoding="utf-8")

        code, out, _ = mainstay("assign", str(asked), "--explain-weights", str(told), "--explain-seconds", "20")

        assert code == 0
        assert json.loads(told.read_text())["without"]["continuity"]["changes"]["service"] == pytest.approx(2)
        assert "+2.0" in out


class TestPrices:
    @pytest.fixture
    def files(self, mainstay: Mainstay, tmp_path: Path) -> tuple[str, str]:
        """Return a problem file and the plan file that answers it."""
        asked, answered = tmp_path / "problem.json", tmp_path / "plan.json"
        work = [an_engagement(minutes=20)]
        problem = a_problem([an_agent(capacity=(20.0,))], work, policy=Policy(weights={"service": 1.0}))
        asked.write_text(json.dumps(problem.to_json()), encoding="utf-8")
        assert mainstay("assign", str(asked), "-o", str(answered), "--seconds", "5")[0] == 0
        return str(asked), str(answered)

    def test_prices_are_a_table(self, mainstay: Mainstay, files: tuple[str, str]) -> None:
        code, out, _ = mainstay("prices", files[1])

        assert code == 0
        assert out.splitlines()[0] == "agent,interval,price"
        assert out.splitlines()[1].startswith("a1,0,0")
        assert mainstay("prices", files[1], "--of", "skill")[1].splitlines()[0] == "skill,level,interval,price"
        assert mainstay("prices", files[1], "--of", "policy")[1] == "rule,path,interval,unit,price\n"

    def test_ranges_stand_beside_them(self, mainstay: Mainstay, files: tuple[str, str], tmp_path: Path) -> None:
        out = tmp_path / "prices.csv"

        code, said, _ = mainstay("prices", files[1], "--ranges", files[0], "-o", str(out))

        assert code == 0
        assert said == f"1 prices written to {out}.\n"
        header, row = out.read_text().splitlines()
        assert header == "agent,interval,price,low,high,exact"
        assert row.split(",")[3:] == ["0.0", "0.5", "1"]

    def test_what_does_not_fit_together_is_refused(
        self, mainstay: Mainstay, files: tuple[str, str], tmp_path: Path
    ) -> None:
        other = tmp_path / "other.json"
        other.write_text(json.dumps(a_problem([an_agent("zoe")], []).to_json()), encoding="utf-8")

        assert mainstay("prices", files[1], "--ranges", str(other))[0] == 2
        assert mainstay("prices", files[1], "--of", "skill", "--ranges", files[0])[0] == 2
        assert mainstay("prices", files[0])[0] == 1
        assert mainstay("prices", files[1], "--ranges", files[0], "--seconds", "0")[0] == 1
