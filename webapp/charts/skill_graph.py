"""The picture of a skill's neighbourhood: boxes on layers around it, lines for links. Pure geometry."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from dataclasses import dataclass

from webapp.models import LinkKind
from webapp.services.skill_graph import GraphLink, PlacedSkill, Side, SkillMap

BOX_WIDTH, BOX_HEIGHT = 150, 46
GAP_ACROSS, GAP_DOWN = 54, 14
BAND_GAP = 40
HEADING = 18
MARGIN = 4
PER_ROW = 4
TITLE_SIGNS = 19


@dataclass(frozen=True, slots=True)
class Box:
    """A skill at its place, in units of the picture; ``x`` and ``y`` are the upper left corner."""

    placed: PlacedSkill
    x: int
    y: int

    @property
    def lines(self) -> list[str]:
        """The skill's name in at most two lines that fit into the box."""
        return textwrap.wrap(self.placed.skill.name, TITLE_SIGNS, max_lines=2, placeholder="…")


@dataclass(frozen=True, slots=True)
class Line:
    """A link from box to box; ``label`` stands at ``label_at`` if it is not empty."""

    kind: LinkKind
    path: str
    label: str
    label_at: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Heading:
    """What a group of boxes is, above it."""

    text: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class SkillPicture:
    """The whole picture."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    headings: tuple[Heading, ...]


_Stack = list[tuple[str, list[PlacedSkill]]]


def draw_skill_map(shown: SkillMap) -> SkillPicture:
    """
    Lay a map out: columns from what is needed to what follows, with what contains the skill above, its parts below.

    A line of a prerequisite runs from left to right, as one learns.
    """
    columns = [stack for stack in _columns(shown) if stack]
    bands_above = [[each for each in shown.at(Side.BROADER) if each.layer == layer] for layer in (2, 1)]
    above = [row for band in bands_above for row in _rows(band)]
    below = _rows(shown.at(Side.NARROWER))
    middle_column = next(place for place, stack in enumerate(columns) if stack[0][1][0].side is Side.MIDDLE)
    centre = MARGIN + middle_column * (BOX_WIDTH + GAP_ACROSS) + BOX_WIDTH // 2
    widest = max((_row_width(row) for row in (*above, *below)), default=0)
    shift = max(0, MARGIN + widest // 2 - centre)
    centre += shift
    boxes: list[Box] = []
    headings: list[Heading] = []
    y = _place_rows(boxes, headings, above, "Belongs to", centre, MARGIN)
    if above:
        y += BAND_GAP - GAP_DOWN
    height = max(map(_stack_height, columns))
    for place, stack in enumerate(columns):
        x = MARGIN + shift + place * (BOX_WIDTH + GAP_ACROSS)
        _place_stack(boxes, headings, stack, x, y + (height - _stack_height(stack)) // 2)
    y += height
    if below:
        y = _place_rows(boxes, headings, below, "Contains", centre, y + BAND_GAP - HEADING)
    return SkillPicture(
        width=max(box.x for box in boxes) + BOX_WIDTH + MARGIN,
        height=y + MARGIN,
        boxes=tuple(boxes),
        lines=_lines(boxes, shown.links),
        headings=tuple(headings),
    )


def _columns(shown: SkillMap) -> list[_Stack]:
    needs = defaultdict(list)
    for each in shown.at(Side.NEEDS):
        needs[each.layer].append(each)
    after: _Stack = [("Leads to", shown.at(Side.LEADS_TO)), ("Related", shown.at(Side.RELATED))]
    return [
        [("Before that", needs[2])] if needs[2] else [],
        [("Needs first", needs[1])] if needs[1] else [],
        [("", shown.at(Side.MIDDLE))],
        [group for group in after if group[1]],
    ]


def _stack_height(stack: _Stack) -> int:
    boxes = sum(len(group) for _, group in stack)
    # The middle has room for a heading, too, so that boxes of all columns stand in line.
    return boxes * (BOX_HEIGHT + GAP_DOWN) + len(stack) * (HEADING + GAP_DOWN) - 2 * GAP_DOWN


def _place_stack(boxes: list[Box], headings: list[Heading], stack: _Stack, x: int, y: int) -> None:
    for text, group in stack:
        if text:
            headings.append(Heading(text, x, y + HEADING - 6))
        y += HEADING
        for each in group:
            boxes.append(Box(each, x, y))
            y += BOX_HEIGHT + GAP_DOWN
        y += GAP_DOWN


def _rows(band: list[PlacedSkill]) -> list[list[PlacedSkill]]:
    return [band[start : start + PER_ROW] for start in range(0, len(band), PER_ROW)]


def _row_width(row: list[PlacedSkill]) -> int:
    return len(row) * (BOX_WIDTH + GAP_DOWN) - GAP_DOWN


def _place_rows(
    boxes: list[Box], headings: list[Heading], rows: list[list[PlacedSkill]], text: str, centre: int, y: int
) -> int:
    if rows:
        headings.append(Heading(text, centre - _row_width(rows[0]) // 2, y + HEADING - 6))
        y += HEADING
    for row in rows:
        x = centre - _row_width(row) // 2
        for each in row:
            boxes.append(Box(each, x, y))
            x += BOX_WIDTH + GAP_DOWN
        y += BOX_HEIGHT + GAP_DOWN
    return y


def _lines(boxes: list[Box], links: tuple[GraphLink, ...]) -> tuple[Line, ...]:
    at = {box.placed.skill.id: box for box in boxes}
    # Of two links between the same skills, one each way, the one that carries more is drawn.
    strongest = {
        frozenset((link.skill_id, link.other_id)): link for link in sorted(links, key=lambda each: each.weight)
    }
    return tuple(_line(link, at[link.skill_id], at[link.other_id]) for link in strongest.values())


def _line(link: GraphLink, skill: Box, other: Box) -> Line:
    if link.kind is LinkKind.BROADER:
        x1, y1, x2, y2 = skill.x + BOX_WIDTH // 2, skill.y, other.x + BOX_WIDTH // 2, other.y + BOX_HEIGHT
        middle = (y1 + y2) // 2
        return Line(link.kind, f"M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}", "", (0, 0))
    # What is known of the other carries over, and what is needed is learnt first: both lines end at the skill.
    left_to_right = other.x <= skill.x
    x1, x2 = (other.x + BOX_WIDTH, skill.x) if left_to_right else (other.x, skill.x + BOX_WIDTH)
    y1, y2 = other.y + BOX_HEIGHT // 2, skill.y + BOX_HEIGHT // 2
    middle = (x1 + x2) // 2
    label = f"{round(link.weight * 100)} %" if link.kind is LinkKind.RELATED else ""
    return Line(link.kind, f"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}", label, (middle, (y1 + y2) // 2 - 4))
