"""The picture of the career lattice: service roles as boxes on their rungs, steps as lines. Pure geometry."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

BOX_WIDTH, BOX_HEIGHT = 190, 78
GAP_ACROSS, GAP_UP = 34, 60
DIP = 44
TITLE_SIGNS = 20
MARGIN = 8
LABEL_WIDTH = 76


@dataclass(frozen=True, slots=True)
class Node:
    """A role to draw: key, words and rung; roles of one rung stand side by side in the order given."""

    key: int
    title: str
    subtitle: str
    rung: int
    outside: bool = False

    @property
    def title_lines(self) -> list[str]:
        """The title in at most two lines that fit into a box."""
        return textwrap.wrap(self.title, TITLE_SIGNS, max_lines=2, placeholder="…")


@dataclass(frozen=True, slots=True)
class Box:
    """A role at its place, in units of the picture; ``x`` and ``y`` are the upper left corner."""

    node: Node
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Line:
    """A step from box to box; ``up`` tells steps up from those across, ``dips`` those that pass below other boxes."""

    start: tuple[int, int]
    end: tuple[int, int]
    up: bool
    dips: bool = False

    @property
    def path(self) -> str:
        """The line as an SVG path."""
        (x1, y1), (x2, y2) = self.start, self.end
        if self.dips:
            return f"M{x1} {y1} C{x1} {y1 + DIP} {x2} {y2 + DIP} {x2} {y2}"
        if y1 == y2:
            return f"M{x1} {y1} L{x2} {y2}"
        middle = (y1 + y2) // 2
        return f"M{x1} {y1} C{x1} {middle} {x2} {middle} {x2} {y2}"


@dataclass(frozen=True, slots=True)
class Picture:
    """The whole lattice; ``rungs`` are the heights at which the rungs' labels stand."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    rungs: tuple[tuple[int, int], ...]


def draw_lattice(nodes: Iterable[Node], *, up: Iterable[tuple[int, int]], across: Iterable[tuple[int, int]]) -> Picture:
    """
    Lay roles out by rung, the lowest at the bottom.

    Parameters
    ----------
    nodes
        The roles.
    up, across
        Steps as pairs of keys (from, to); a step to a role that is not drawn is left out.
    """
    rows: dict[int, list[Node]] = defaultdict(list)
    for node in nodes:
        rows[node.rung].append(node)
    rungs = sorted(rows, reverse=True)
    widest = max((len(row) for row in rows.values()), default=0)
    inner = widest * BOX_WIDTH + max(0, widest - 1) * GAP_ACROSS
    boxes: dict[int, Box] = {}
    labels = []
    for place, rung in enumerate(rungs):
        row, y = rows[rung], MARGIN + place * (BOX_HEIGHT + GAP_UP)
        labels.append((rung, y + BOX_HEIGHT // 2))
        taken = len(row) * BOX_WIDTH + (len(row) - 1) * GAP_ACROSS
        x = LABEL_WIDTH + (inner - taken) // 2
        for node in row:
            boxes[node.key] = Box(node=node, x=x, y=y)
            x += BOX_WIDTH + GAP_ACROSS
    lines = [
        _line(boxes[start], boxes[end], up=leads_up)
        for steps, leads_up in ((up, True), (across, False))
        for start, end in steps
        if start in boxes and end in boxes
    ]
    return Picture(
        width=LABEL_WIDTH + inner + MARGIN,
        height=2 * MARGIN + len(rungs) * BOX_HEIGHT + max(0, len(rungs) - 1) * GAP_UP,
        boxes=tuple(boxes.values()),
        lines=tuple(lines),
        rungs=tuple(labels),
    )


def _line(start: Box, end: Box, *, up: bool) -> Line:
    if start.y == end.y and abs(start.x - end.x) == BOX_WIDTH + GAP_ACROSS:
        to_the_right, height = start.x < end.x, start.y + BOX_HEIGHT // 2
        sides = (start.x + BOX_WIDTH, end.x) if to_the_right else (start.x, end.x + BOX_WIDTH)
        return Line(start=(sides[0], height), end=(sides[1], height), up=up)
    if start.y == end.y:
        bottom = start.y + BOX_HEIGHT
        return Line(
            start=(start.x + BOX_WIDTH // 4, bottom), end=(end.x + BOX_WIDTH * 3 // 4, bottom), up=up, dips=True
        )
    above = end.y < start.y
    return Line(
        start=(start.x + BOX_WIDTH // 2, start.y + (0 if above else BOX_HEIGHT)),
        end=(end.x + BOX_WIDTH // 2, end.y + (BOX_HEIGHT if above else 0)),
        up=up,
    )
