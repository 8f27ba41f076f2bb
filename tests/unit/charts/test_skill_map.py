"""The picture of a skill's neighbourhood."""

from __future__ import annotations

import itertools

import pytest

from webapp.charts.skill_graph import BOX_HEIGHT, BOX_WIDTH, draw_skill_map
from webapp.models import LinkKind, Skill
from webapp.services.skill_graph import GraphLink, PlacedSkill, Side, SkillMap


def placed(number, side, layer=1, order=0):
    return PlacedSkill(Skill(id=number, name=f"A rather long name of skill {number}"), side, layer, order)


def a_map(*others, links=()):
    middle = placed(1, Side.MIDDLE, 0)
    return SkillMap(middle.skill, (middle, *others), tuple(links), {})


CROWD = [
    placed(number, side, layer, order)
    for number, (side, layer, order) in enumerate(
        itertools.chain(
            *([(side, 1, order) for order in range(8)] for side in Side if side is not Side.MIDDLE),
            [(Side.NEEDS, 2, order) for order in range(3)],
            [(Side.BROADER, 2, order) for order in range(5)],
        ),
        start=2,
    )
]


@pytest.mark.parametrize("others", [[], CROWD, CROWD[:1], CROWD[16:24], CROWD[24:32]])
def test_boxes_lie_inside_the_picture_and_beside_each_other(others):
    picture = draw_skill_map(a_map(*others))

    assert len(picture.boxes) == 1 + len(others)
    for box in picture.boxes:
        assert 0 <= box.x <= picture.width - BOX_WIDTH
        assert 0 <= box.y <= picture.height - BOX_HEIGHT
    for one, other in itertools.combinations(picture.boxes, 2):
        assert abs(one.x - other.x) >= BOX_WIDTH or abs(one.y - other.y) >= BOX_HEIGHT


def test_a_prerequisite_stands_left_and_its_line_ends_at_the_skill():
    link = GraphLink(1, skill_id=1, other_id=2, kind=LinkKind.PREREQUISITE, weight=1.0)

    picture = draw_skill_map(a_map(placed(2, Side.NEEDS), links=[link]))

    at = {box.placed.skill.id: box for box in picture.boxes}
    assert at[2].x < at[1].x
    assert picture.lines[0].path.startswith(f"M{at[2].x + BOX_WIDTH} ")
    assert picture.lines[0].path.endswith(f" {at[1].x} {at[1].y + BOX_HEIGHT // 2}")


def test_of_two_links_that_point_at_each_other_the_stronger_is_drawn():
    links = [
        GraphLink(1, skill_id=1, other_id=2, kind=LinkKind.RELATED, weight=0.8),
        GraphLink(2, skill_id=2, other_id=1, kind=LinkKind.RELATED, weight=0.3),
    ]

    picture = draw_skill_map(a_map(placed(2, Side.RELATED), links=links))

    assert [line.label for line in picture.lines] == ["80 %"]


def test_long_names_are_cut_to_two_lines():
    [box] = draw_skill_map(a_map()).boxes

    assert len(box.lines) == 2
