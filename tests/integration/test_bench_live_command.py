"""``mainstay bench routing`` and ``cross-training``: what a person and a script read."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from optimizer.routing import TRIED
from webapp.cli.bench_live import cross_training, routing

COMMANDS = {"routing": routing, "cross-training": cross_training}


def run(name, *words):
    """Return exit code, output and errors of a command."""
    answer = CliRunner().invoke(COMMANDS[name], list(words))
    return answer.exit_code, answer.stdout, answer.stderr


def test_a_person_reads_each_rule():
    code, out, err = run("routing", "--agents", "8", "--seeds", "2")

    assert (code, err) == (0, "")
    assert out.startswith("2 days\n")
    for name in TRIED:
        assert f"\n{name}" in out


def test_a_script_reads_each_rule():
    code, out, _ = run("routing", "--agents", "8", "--seeds", "2", "--ours", "bid-price", "--json")

    told = json.loads(out)
    assert code == 0
    assert told["options"]["load"] == 0.95
    assert set(told["rules"]) == set(TRIED)
    assert told["rules"]["bid-price"]["bid-price beside it"]["value"]["mean"] == 0.0
    assert 0 <= told["rules"]["batch"]["service_level"] <= 1


def test_prices_are_tried_fresh_as_well():
    code, out, _ = run("routing", "--agents", "6", "--seeds", "2", "--rules", "longest-idle", "--reprice", "240")

    assert code == 0
    lines = [line.partition("  ")[0] for line in out.splitlines()]
    assert {"longest-idle", "bid-price-cover", "bid-price-cover, new prices"} <= set(lines)
    assert "longest-idle, new prices" not in lines
    assert "best-skill" not in lines


def test_days_of_a_log_are_counted_by_draw_or_by_day(shared_data):
    words = ("routing", "--bank", str(shared_data / "demand" / "technion_aug_01-14.csv"), "--seeds", "2")

    _, by_draw, _ = run(*words, "--rules", "longest-idle", "--json")
    _, by_day, _ = run(*words, "--rules", "longest-idle", "--by-day", "--json")

    drawn, dated = (json.loads(told)["rules"]["longest-idle"] for told in (by_draw, by_day))
    assert (len(drawn["values"]), len(dated["values"])) == (2, 8)
    assert sum(drawn["values"]) == pytest.approx(sum(dated["values"]))
    assert 0.5 < drawn["of hindsight"]["mean"] < 1


def test_a_person_reads_how_many_lessons_were_solved():
    code, out, err = run("cross-training", "--size", "4x12", "--seeds", "2", "--top", "1", "--brute-force")

    assert (code, err) == (0, "")
    assert "4 x 12, seed 1001: " in out
    assert "4 x 12, seed 1002: " in out
    assert "brute force" in out
    assert "Median share of the LPs" in out


def test_a_script_reads_every_run():
    code, out, _ = run("cross-training", "--size", "4x12", "--seeds", "1", "--json")

    (told,) = json.loads(out)
    assert code == 0
    assert (told["seed"], told["certified"], told["brute_gain"]) == (1001, True, None)
    assert told["solves"] == pytest.approx(told["share"] * told["lessons"])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("routing", "--load", "0"), "--load"),
        (("routing", "--ours", "chance"), "--ours"),
        (("cross-training", "--size", "5y5"), "--size"),
        (("cross-training", "--top", "0"), "--top"),
    ],
)
def test_a_wrong_option_is_named(words, told):
    code, _, err = run(*words)

    assert code == 2
    assert told in err


def test_another_file_is_no_log(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("a,b\n1,2\n", encoding="utf-8")

    code, _, err = run("routing", "--bank", str(file))

    assert code == 2
    assert "log.csv cannot be read as the log" in err
