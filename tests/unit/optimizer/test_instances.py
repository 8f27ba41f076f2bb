"""Words name the problems of a benchmark, and wrong words are answered with what would be right."""

from __future__ import annotations

import pytest

from optimizer.benchmarks.generator import Shape
from optimizer.benchmarks.instances import InstanceError, Selection, list_instances, parse_size


def made(kind, **changes):
    """Return the instances of a word, small ones."""
    shape = Shape(agents=3, engagements=8, intervals=4)
    return list(list_instances(Selection(kind, shape, **{"seeds": (7, 8), **changes})))


@pytest.mark.parametrize("text", ["200x2000", "200×2000", " 200x2000 "])
def test_a_size_is_agents_times_engagements(text):
    assert parse_size(text) == (200, 2000)


@pytest.mark.parametrize("text", ["", "200", "x", "200x", "0x5", "5x0", "-5x5", "5x5x5", "5.5x2", "9999999x5"])
def test_what_is_no_size_is_refused_with_an_example(text):
    with pytest.raises(InstanceError, match="no size such as 200x2000"):
        parse_size(text)


@pytest.mark.parametrize(
    "kind", ["", "rand", "random:5", "gap", "gapF", "gapC:file", "bank", "roadef", "bank:", "gap:nowhere.txt"]
)
def test_a_word_that_names_no_instances_is_refused(kind):
    with pytest.raises(InstanceError, match=kind or "none of"):
        made(kind)


def test_random_instances_have_one_seed_each_and_ask_for_the_first_tier_alone():
    first, second = made("random", time_limit_s=5.0, gap=0.01)

    assert [first.seed, second.seed] == [7, 8]
    assert first.problem.engagements != second.problem.engagements
    policy = first.problem.policy
    assert (policy.time_limit_s, policy.gap, policy.seed) == (5.0, 0.01, 7)
    assert {term for term, weight in policy.weights.items() if weight} <= {"service", "match", "continuity"}


@pytest.mark.parametrize("kind", ["gapC", "gapD", "gapE"])
def test_drawn_gap_instances_are_minimised_with_every_job_assigned(kind):
    for instance in made(kind):
        assert all(each.must_assign for each in instance.problem.engagements)
        assert all(value < 0 for each in instance.problem.engagements for value in each.values.values())
        assert instance.best_known is None


def test_gap_files_bring_their_best_known_values_in_both_senses(tmp_path):
    (tmp_path / "gap77.txt").write_text("1 1 2 5 6 1 2 3")
    (tmp_path / "bounds_all.txt").write_text("c0102_1_Min 11 11\nc0102_1_Max 11 12\n")

    (cheapest,) = made(f"gap:{tmp_path / 'gap77.txt'}")
    (dearest,) = made(f"gapmax:{tmp_path / 'gap77.txt'}")

    assert (cheapest.name, cheapest.best_known) == ("c0102_1 Min", -11.0)
    assert (dearest.name, dearest.best_known) == ("c0102_1 Max", 11.0)


def test_real_files_become_instances(shared_data):
    log = shared_data / "demand" / "technion_aug_01-14.csv"

    (day,) = made(f"bank:{log}@2010-08-13")
    (roadef,) = made(f"roadef:{shared_data / 'optim' / 'roadef2007' / 'A1'}")

    assert (day.name, len(day.problem.agents)) == ("bank 2010-08-13", 5)
    assert roadef.name == "ROADEF A1 day 1"
