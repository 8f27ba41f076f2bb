"""The generalized assignment problem: the library's files are read, and an optimum here is an optimum there."""

from __future__ import annotations

import itertools
import zipfile

import numpy as np
import pytest

from optimizer import Policy, solve, verify
from optimizer.benchmarks.gap import GapFormatError, GapInstance, read_bounds, read_gap
from optimizer.benchmarks.gap_classes import generate_gap

TINY = """
 2
 2 3
 6 9 4
 8 5 7
 3 4 2
 2 5 3
 6 5
 1 2
 5 6
 1 2
 3
"""
"""Two instances: 2 agents × 3 jobs, then 1 agent × 2 jobs."""


def exactly(problem):
    """Return the plan, proven."""
    plan = solve(problem)
    assert verify(problem, plan) == ()
    return plan


@pytest.mark.parametrize(
    ("maximise", "optimum"),
    [
        # Agent 0 has 6 minutes, agent 1 has 5. Job 1 at agent 1 takes all of its minutes and leaves jobs 0 and 2
        # to agent 0 (3 + 2 ≤ 6): 6 + 5 + 4 = 15. Jobs 0 and 2 at agent 1 take 2 + 3 = 5, job 1 at agent 0: 9 + 8 + 7.
        (True, 24.0),
        (False, -15.0),
    ],
)
def test_both_senses_have_the_optimum_derived_by_hand(tmp_path, maximise, optimum):
    path = tmp_path / "tiny.txt"
    path.write_text(TINY)

    plan = exactly(read_gap(path)[0].to_problem(maximise=maximise))

    assert plan.objective == pytest.approx(optimum)
    assert plan.bound == pytest.approx(optimum)
    assert len(plan.assignments) == 3


def test_a_file_of_several_instances_names_them_as_the_library_does(tmp_path):
    path = tmp_path / "gap99.txt"
    path.write_text(TINY)

    first, second = read_gap(path)

    assert (first.name, second.name) == ("c0203_1", "c0102_2")
    assert first.resource.tolist() == [[3, 4, 2], [2, 5, 3]]
    assert first.capacity.tolist() == [6, 5]
    assert second.objective.tolist() == [[5, 6]]


def test_a_packed_file_of_one_instance_is_named_by_its_file(tmp_path):
    path = tmp_path / "a00203.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a00203", "1 2\n5 6\n1 2\n3\n")

    (instance,) = read_gap(path)

    assert instance.name == "a00203"
    assert instance.capacity.tolist() == [3]


@pytest.mark.parametrize("text", ["", "1 2 3", "2 1 1 5 1 1", "1 2 x", "0", "1 0 0", "1 1 1 5 1 inf", "-1 4"])
def test_a_file_that_is_no_instance_is_refused_with_its_name(tmp_path, text):
    path = tmp_path / "broken.txt"
    path.write_text(text)

    with pytest.raises(GapFormatError, match=r"broken\.txt"):
        read_gap(path)


def test_jobs_that_cannot_all_be_done_make_the_problem_infeasible():
    """In the literature every job is assigned; a plan that leaves one out is none."""
    instance = GapInstance("over", np.array([[1.0, 1.0]]), np.array([[2.0, 2.0]]), np.array([3.0]))

    plan = solve(instance.to_problem(maximise=True))

    assert plan.status == "infeasible"


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("maximise", [True, False])
def test_small_instances_equal_brute_force(seed, maximise):
    random = np.random.default_rng(seed)
    objective, resource = random.integers(1, 20, (2, 2, 5)).astype(float)
    instance = GapInstance("small", objective, resource, np.floor(resource.sum(axis=1) * 0.6))
    worth = [
        sum(objective[agent, job] for job, agent in enumerate(chosen))
        for chosen in itertools.product(range(2), repeat=5)
        if all(
            sum(resource[agent, job] for job in range(5) if chosen[job] == agent) <= instance.capacity[agent]
            for agent in range(2)
        )
    ]

    plan = exactly(instance.to_problem(maximise=maximise, policy=Policy(weights={}, gap=0.0)))

    if worth:
        assert plan.objective == pytest.approx(max(worth) if maximise else -min(worth))
    else:
        assert plan.status == "infeasible"


def test_the_classes_have_the_distributions_of_the_literature():
    c, d, e = (generate_gap(kind, 20, 400, seed=7) for kind in "CDE")

    assert (c.resource.min(), c.resource.max()) == (5, 25)
    assert (c.objective.min(), c.objective.max()) == (10, 50)
    assert (d.resource.min(), d.resource.max()) == (1, 100)
    assert np.abs(d.objective + d.resource - 111).max() == 10
    assert e.resource.min() == 1
    assert e.resource.mean() == pytest.approx(10.5, abs=0.4)
    assert np.all(e.objective <= 1000 / e.resource)
    assert np.all(e.objective >= np.floor(1000 / e.resource - 10))
    for instance in (c, d, e):
        assert instance.capacity.tolist() == np.floor(0.8 * instance.resource.sum(axis=1) / 20).tolist()


def test_the_same_seed_gives_the_same_instance_and_another_another():
    first, again, other = (generate_gap("D", 5, 20, seed) for seed in (1, 1, 2))

    assert first.objective.tolist() == again.objective.tolist()
    assert first.objective.tolist() != other.objective.tolist()


def test_an_unknown_class_is_refused():
    with pytest.raises(ValueError, match="C, D, E"):
        generate_gap("F", 5, 20, 1)


def test_the_librarys_instances_reach_its_optima(shared_data):
    folder = shared_data / "optim" / "gap"
    best = read_bounds(folder / "bounds_dev.txt")
    policy = Policy(name="gap", weights={}, gap=0.0, time_limit_s=60)

    for instance in [read_gap(folder / "gap1.txt")[0], read_gap(folder / "a05100.zip")[0]]:
        cheapest = exactly(instance.to_problem(maximise=False, policy=policy))
        dearest = exactly(instance.to_problem(maximise=True, policy=policy))

        assert -cheapest.objective == best[f"{instance.name}_Min"]
        assert dearest.objective == best[f"{instance.name}_Max"]


def test_every_instance_of_the_library_has_a_best_known_value(shared_data):
    folder = shared_data / "optim" / "gap"
    best = read_bounds(folder / "bounds_dev.txt")

    names = [each.name for path in folder.glob("[ag]*.*") for each in read_gap(path)]

    assert len(names) == 6 * 5 + 6
    assert {f"{name}_{sense}" for name in names for sense in ("Max", "Min")} <= set(best)
