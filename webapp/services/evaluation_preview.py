"""What a mapping of a criterion would make of the last file that had it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.models import EvaluationCriterion
from webapp.services.evaluations import FORM, key_of, level_of
from webapp.services.importing.batches import source_of
from webapp.services.importing.kinds.evaluations import Evaluations
from webapp.services.importing.problems import CellError, FileRefusedError

_COLUMNS = {column.name: column for column in Evaluations.columns}
MOST_ROWS = 20_000


@dataclass(frozen=True, slots=True)
class Preview:
    """How many scores of the last file would count as each level from 0 to 5, and the first distinct ones of them."""

    file_name: str
    counts: tuple[int, ...]
    examples: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """How many scores there are."""
        return sum(self.counts)


def preview(session: Session, criterion: EvaluationCriterion, cuts: Sequence[float]) -> Preview | None:
    """Return what the scores of a criterion in its last file would count as, or None if there is no such file."""
    batch = criterion.last_batch
    if batch is None:
        return None
    try:
        table = source_of(session, batch).read()
    except FileRefusedError:
        return None
    places = {name: table.header.index(header) for name, header in batch.mapping.items() if header in table.header}
    wanted, levels = key_of(criterion.form, criterion.criterion), Counter[int]()
    examples: dict[str, int] = {}
    for number, row in enumerate(table.rows()):
        if number >= MOST_ROWS:
            break
        cells = {name: row.cells[place] for name, place in places.items() if place < len(row.cells)}
        if key_of(cells.get("form") or FORM, cells.get("criterion", "")) != wanted:
            continue
        try:
            score, low, high = (_COLUMNS[name].parser.parse(cells.get(name) or "0") for name in _SCALE)
        except CellError:
            continue
        if low < high and low <= score <= high:
            level = level_of(score, low, high, cuts)
            levels[level] += 1
            examples.setdefault(f"{score:g} of {low:g}–{high:g}", level)
    listed = sorted(examples.items(), key=lambda item: (item[1], item[0]))[:12]
    return Preview(batch.file_name, tuple(levels[level] for level in range(6)), tuple(listed))


_SCALE = ("score", "scale_min", "scale_max")
