"""Minutes to staff: never less than the work, split by workload, and pooled."""

from __future__ import annotations

import pytest

from webapp.services.service_levels import ServiceLevel, staffed_minutes


def test_types_share_one_pool_of_agents():
    # 20 contacts of 3 min and 10 of 6 min in 30 min: 120 min of work, 4 Erlang, mean 4 min; 80/20 takes 7 agents.
    minutes = staffed_minutes({1: (20, 3.0), 2: (10, 6.0)}, interval_minutes=30)

    assert sum(minutes.values()) == pytest.approx(7 * 30)
    assert minutes[1] == pytest.approx(minutes[2])


def test_no_target_staffs_the_bare_workload():
    assert staffed_minutes({1: (20, 3.0)}, interval_minutes=30, level=ServiceLevel(share=0)) == {1: 60.0}


def test_nothing_expected_needs_nothing():
    assert staffed_minutes({1: (0, 3.0)}, interval_minutes=30) == {1: 0.0}
