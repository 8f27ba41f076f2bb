"""The benchmark of planning again after an absence."""

from optimizer.benchmarks.generator import Shape
from optimizer.benchmarks.warm import replan_after_absence


def test_both_plans_of_the_changed_day_are_checked_and_compared() -> None:
    """One of the two is the best of both, so at least one time is known."""
    found = replan_after_absence(Shape(agents=10, engagements=80, intervals=6), 1001, seconds=20.0, gap=0.002)

    assert found.violations == 0
    assert min(found.warm_points, found.scratch_points) > 0.97 * max(found.warm_points, found.scratch_points)
    assert found.warm_seconds is not None or found.scratch_seconds is not None
