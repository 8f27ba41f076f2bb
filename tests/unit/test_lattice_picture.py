"""Where the picture of the ladder puts roles and steps."""

from __future__ import annotations

import itertools

from webapp.charts.lattice import BOX_HEIGHT, BOX_WIDTH, Node, draw_lattice


def nodes(*rungs: int) -> list[Node]:
    return [Node(key, f"Role {key}", "", rung) for key, rung in enumerate(rungs, start=1)]


def test_lowest_rung_stands_at_the_bottom():
    picture = draw_lattice(nodes(1, 2, 3), up=[], across=[])

    heights = {box.node.rung: box.y for box in picture.boxes}
    assert heights[3] < heights[2] < heights[1]
    assert heights[1] + BOX_HEIGHT < picture.height
    assert [rung for rung, _ in picture.rungs] == [3, 2, 1]


def test_roles_of_one_rung_do_not_overlap():
    picture = draw_lattice(nodes(1, 1, 1), up=[], across=[])

    left = sorted(box.x for box in picture.boxes)
    assert all(second - first > BOX_WIDTH for first, second in itertools.pairwise(left))
    assert left[-1] + BOX_WIDTH < picture.width


def test_step_up_runs_from_the_top_of_a_box_to_the_bottom_of_the_next():
    picture = draw_lattice(nodes(1, 2), up=[(1, 2)], across=[])

    lower, upper = sorted(picture.boxes, key=lambda box: -box.y)
    assert picture.lines[0].start[1] == lower.y
    assert picture.lines[0].end[1] == upper.y + BOX_HEIGHT


def test_step_down_the_picture_leaves_at_the_bottom():
    """A step across may lead to a lower rung."""
    picture = draw_lattice(nodes(1, 2), up=[], across=[(2, 1)])

    assert picture.lines[0].start[1] < picture.lines[0].end[1]
    assert not picture.lines[0].up


def test_step_within_a_rung_runs_between_facing_sides():
    picture = draw_lattice(nodes(1, 1), up=[], across=[(1, 2), (2, 1)])

    first, second = picture.boxes
    assert picture.lines[0].start[0] == first.x + BOX_WIDTH
    assert picture.lines[0].end[0] == second.x
    assert picture.lines[1].start[0] == second.x
    assert picture.lines[1].end[0] == first.x + BOX_WIDTH
    assert picture.lines[0].path.startswith("M")


def test_step_past_another_box_passes_below_it():
    picture = draw_lattice(nodes(1, 1, 1), up=[], across=[(1, 3)])

    assert picture.lines[0].dips
    assert {picture.lines[0].start[1], picture.lines[0].end[1]} == {picture.boxes[0].y + BOX_HEIGHT}


def test_long_title_takes_two_lines_and_no_more():
    node = Node(1, "Principal specialist of home energy and everything else", "", 1)

    assert len(node.title_lines) == 2
    assert node.title_lines[1].endswith("…")


def test_step_to_a_role_that_is_not_drawn_is_left_out():
    assert draw_lattice(nodes(1), up=[(1, 9)], across=[]).lines == ()


def test_ladder_without_roles_has_no_boxes():
    assert draw_lattice([], up=[], across=[]).boxes == ()
