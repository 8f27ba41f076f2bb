"""Random problems look as their documentation says, and a seed means the same problem for ever."""

from __future__ import annotations

import numpy as np
import pytest

from optimizer.benchmarks.generator import Shape, breadth_for, generate
from optimizer.fit import Fit
from optimizer.roster import Roster


def eligible_share(problem):
    """Return the share of engagement × agent pairs that skills allow."""
    fit = Fit(Roster.of(problem))
    return np.mean([fit.of(each).possible.mean() for each in problem.engagements])


@pytest.mark.parametrize("share", [0.1, 0.2, 0.4])
def test_the_breadth_gives_the_share_of_eligible_pairs_that_was_asked_for(share):
    shape = Shape(agents=300, engagements=300, skills=30, breadth=breadth_for(share))

    assert eligible_share(generate(shape, seed=3)) == pytest.approx(share, rel=0.15)


@pytest.mark.parametrize("share", [0.0, -0.1, 0.7])
def test_a_share_that_no_breadth_gives_is_refused(share):
    with pytest.raises(ValueError, match=r"at most 0\.637"):
        breadth_for(share)


def test_load_and_forecast_are_shares_of_the_capacity():
    problem = generate(Shape(agents=20, engagements=200, load=0.8, forecast=0.3), seed=5)
    capacity = sum(sum(agent.capacity) for agent in problem.agents)

    assert sum(each.minutes for each in problem.engagements) == pytest.approx(0.8 * capacity, rel=0.01)
    assert sum(sum(each.minutes) for each in problem.forecast) == pytest.approx(0.3 * capacity, rel=0.01)


def test_a_seed_means_the_same_problem_in_every_version():
    """Figures that were measured on a seed, and tests that rely on one, stay comparable."""
    first = generate(Shape(agents=3, engagements=4), seed=1)

    assert [(each.minutes, each.value, each.earliest, each.latest) for each in first.engagements] == [
        (225.76, 286.28, 0, 12),
        (306.45, 250.76, 3, 13),
        (198.09, 120.21, 13, 13),
        (302.46, 327.6, 6, 11),
    ]
    assert [each.requires[0].skill for each in first.engagements] == ["s11", "s08", "s02", "s07"]
