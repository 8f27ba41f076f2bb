"""Proficiency levels as the choices of a form."""

from __future__ import annotations

from typing import Any

from webapp.forms import options
from webapp.services.projection import HIGHEST_LEVEL
from webapp.web.filters import level_name


def level_choices(lowest: int = 0) -> list[Any]:
    """Return the levels from ``lowest`` to 5 with their names."""
    return options((level, f"{level} {level_name(level)}") for level in range(lowest, HIGHEST_LEVEL + 1))
