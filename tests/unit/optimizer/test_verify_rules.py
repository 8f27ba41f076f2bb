"""The checker at the edge: who may take what, and what people asked; what just breaks a rule is found, no more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optimizer.plan import Growth, Reservation
from optimizer.problem import Pin, Placement
from tests.factories.rules_at_the_edge import (
    CHATS,
    STRICT,
    TWO,
    WITHOUT_POINTS,
    ada,
    ben,
    broken,
    row,
    work,
)


@pytest.mark.parametrize(
    ("fields", "chosen", "rules"),
    [
        ({"site": "north"}, {"relaxed": ("other_site",)}, []),
        ({"site": "north"}, {}, ["ladder"]),
        ({}, {"relaxed": ("other_site",)}, ["ladder"]),
        ({"owner": "ben"}, {"relaxed": ("hand_over",)}, []),
        ({"owner": "ben"}, {}, ["ladder"]),
        ({"owner": "ada"}, {}, []),
        ({"owner": "ada"}, {"relaxed": ("hand_over",)}, ["ladder"]),
        ({"latest": 1, "due": 1}, {"start": 1}, []),
        ({"latest": 1, "due": 1}, {"start": 2}, ["ladder"]),
        ({"latest": 1, "due": 1}, {"start": 2, "relaxed": ("later",)}, []),
        ({"latest": 1, "due": 1}, {"start": 1, "relaxed": ("later",)}, ["ladder"]),
        ({"earliest": 1}, {"start": 1}, []),
        ({"earliest": 1}, {"start": 0}, ["window"]),
        ({"site": "north", "owner": "ben"}, {"relaxed": ("other_site", "hand_over")}, []),
        ({"site": "north", "owner": "ben"}, {"relaxed": ("hand_over", "other_site")}, ["ladder"]),
        ({"site": "north"}, {"relaxed": ("other_site", "other_site")}, ["ladder"]),
        ({"minutes_by_agent": {"ada": 20.5}}, {}, ["minutes"]),
        ({"minutes_by_agent": {"ada": 19.5}}, {}, ["minutes"]),
        ({"channel": "chat"}, {}, ["reach"]),
        ({"language": "es"}, {}, ["reach"]),
        ({"authority": ("refund", "credit")}, {}, ["reach"]),
        ({"authority": ("refund",)}, {}, []),
        ({"excluded_agents": ("ada",)}, {}, ["excluded"]),
        ({"excluded_agents": ("ben",)}, {}, []),
        ({"eligible_agents": ("ben",)}, {}, ["eligible"]),
        ({"eligible_agents": ("ben", "ada")}, {}, []),
    ],
)
def test_who_may_take_it_and_when(fields, chosen, rules):
    agents = [ada(channels=("email",), authorities=("refund",)), ben()]

    assert broken(agents, [work(**fields)], [row("e1", **chosen)]) == rules


def test_a_step_that_the_ladder_does_not_list_is_found():
    late = work(latest=1, due=1)

    assert broken([ada()], [late], [row("e1", start=2, relaxed=("later",))], policy=STRICT) == ["ladder"]


@pytest.mark.parametrize(
    ("bounds", "rules"),
    [
        ({"proactive_share_min": 0.25}, []),
        ({"proactive_share_min": 0.26}, ["share"]),
        ({"proactive_share_max": 0.25}, []),
        ({"proactive_share_max": 0.24}, ["share"]),
    ],
)
def test_share_of_proactive_minutes(bounds, rules):
    """10 of 40 minutes."""
    works = [work("e1", minutes=10.0, stance="proactive"), work("e2", minutes=30.0)]
    rows = [row("e1", minutes=10.0), row("e2", start=1, minutes=30.0)]

    assert broken([ada()], works, rows, policy=replace(WITHOUT_POINTS, **bounds)) == rules


def _was(identity: str, agent: str = "ada", start: int = 0) -> Placement:
    return Placement(identity, agent, start)


@pytest.mark.parametrize(
    ("asked", "start", "rules"),
    [
        ({"pins": (Pin("e1", "ada"),)}, 1, []),
        ({"pins": (Pin("e1", "ada", 1),)}, 1, []),
        ({"pins": (Pin("e1", "ada", 1),)}, 0, ["pin"]),
        ({"pins": (Pin("e1", "ben", 1),)}, 1, ["pin"]),
        ({"pins": (Pin("e2", "ada"),)}, 1, ["pin"]),
        ({"frozen_before": 1}, 1, []),
        ({"frozen_before": 1}, 0, ["frozen"]),
        ({"frozen_before": 1, "previous": (_was("e1"),)}, 0, []),
        ({"frozen_before": 1, "previous": (_was("e1"),)}, 1, ["frozen"]),
        ({"frozen_before": 1, "previous": (_was("e1", start=1),)}, 2, []),
        ({"frozen_before": 1, "previous": (_was("e1", start=1),)}, 0, ["frozen"]),
        ({"max_changes": 0, "previous": (_was("e1"),)}, 0, []),
        ({"max_changes": 0, "previous": (_was("e1"),)}, 1, ["changes"]),
        ({"max_changes": 1, "previous": (_was("e1"),)}, 1, []),
        ({"max_changes": 0, "previous": (_was("e1", "ben"),)}, 0, ["changes"]),
        ({"max_changes": 1, "previous": (_was("e1"), _was("e2"))}, 1, ["changes"]),
        ({"max_changes": 2, "previous": (_was("e1"), _was("e2"))}, 1, []),
    ],
)
def test_what_people_asked(asked, start, rules):
    assert broken([ada(), ben()], TWO, [row("e1", start=start)], **asked) == rules


def test_mandatory_work_is_assigned():
    assert broken([ada()], [work(must_assign=True)], []) == ["must"]
    assert broken([ada()], [work(must_assign=True)], [row("e1")]) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"rows": [row("e9")]},
        {"rows": [row("e1", "zoe")]},
        {"rows": [row("e1", shadow="zoe")]},
        {"rows": [row("e1", start=4)]},
        {"rows": [row("e1", start=-1)]},
        {"reserved": [Reservation("faxes", "ada", 0, 1.0)]},
        {"reserved": [Reservation("chats", "zoe", 0, 1.0)]},
        {"reserved": [Reservation("chats", "ada", 4, 1.0)]},
        {"growth": [Growth("zoe", 1.0, 0.0, 1.0)]},
    ],
)
def test_unknown_names_and_intervals(fields):
    rows = fields.pop("rows", [])

    assert broken([ada()], [work()], rows, forecast=(CHATS,), **fields) == ["reference"]
