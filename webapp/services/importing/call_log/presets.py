"""Presets: how one system writes its call log, in a TOML file of a few lines."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from webapp.errors import InvalidInputError
from webapp.models import Channel
from webapp.services.importing.problems import near_match

_FOLDER = Path(__file__).parent / "preset_files"
_NEEDED = ("call_id", "type", "date", "outcome", "served_at", "ended_at", "agent")
OUTCOMES = ("served", "abandoned", "phantom")


@dataclass(frozen=True, slots=True)
class Preset:
    """
    How a log is written.

    Parameters
    ----------
    name, title
        Its name, for commands and for people.
    remark
        What every report on such a log should say.
    time_zone
        Zone of the log's clocks; empty: that of the site.
    channel
        Channel of the contacts.
    columns
        Column → header of the file.
    date_format, time_format
        As :meth:`datetime.datetime.strptime` takes them.
    no_time
        What stands for both ends of a stage that a call did not get to.
    nobody
        Names of agents that mean that there was none.
    anonymous
        Customer keys that mean that the customer is not known.
    identity
        Columns that together tell contacts apart.
    outcomes
        Code in the file → ``served``, ``abandoned`` or ``phantom``.
    types
        Code in the file → name of the engagement type; codes that are not listed are named by themselves, if none is
        listed.
    longest_service, longest_wait, clock_tolerance
        What is longer is absurd; what goes backwards by no more than the tolerance is a matter of clocks.
    day_starts, shift_gap
        When a working day begins, and the silence that parts two shifts of one day.
    """

    name: str
    title: str
    remark: str
    time_zone: str
    channel: Channel
    columns: Mapping[str, str]
    date_format: str
    time_format: str
    no_time: str
    nobody: frozenset[str]
    anonymous: frozenset[str]
    identity: Sequence[str]
    outcomes: Mapping[str, str]
    types: Mapping[str, str]
    longest_service: dt.timedelta
    longest_wait: dt.timedelta
    clock_tolerance: dt.timedelta
    day_starts: dt.time
    shift_gap: dt.timedelta


def list_presets() -> list[str]:
    """Return the names of the presets that come with Mainstay."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_preset(name: str) -> Preset:
    """
    Return a preset by name.

    Raises
    ------
    InvalidInputError
        If there is none of this name.
    """
    if name not in list_presets():
        raise InvalidInputError(
            f"There is no preset {name}.{near_match(name, list_presets())} There are: {', '.join(list_presets())}.",
            field="preset",
        )
    return parse_preset(name, (_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def find_preset(header: Sequence[str]) -> Preset | None:
    """Return the preset whose headers a file has, or None."""
    for name in list_presets():
        preset = load_preset(name)
        if set(preset.columns.values()) <= set(header):
            return preset
    return None


def parse_preset(name: str, text: str) -> Preset:
    """
    Return the preset that a TOML text describes.

    Raises
    ------
    InvalidInputError
        Naming what is missing or wrong.
    """
    try:
        raw: dict[str, Any] = tomllib.loads(text)
        limits, shifts = raw["limits"], raw["shifts"]
        preset = Preset(
            name=name,
            title=raw["title"],
            remark=raw.get("remark", ""),
            time_zone=raw["time_zone"],
            channel=Channel(raw["channel"]),
            columns=raw["columns"],
            date_format=raw["date_format"],
            time_format=raw["time_format"],
            no_time=raw["no_time"],
            nobody=frozenset(raw["nobody"]),
            anonymous=frozenset(raw["anonymous"]),
            identity=tuple(raw["identity"]),
            outcomes=raw["outcomes"],
            types=raw["types"],
            longest_service=dt.timedelta(minutes=limits["longest_service_minutes"]),
            longest_wait=dt.timedelta(minutes=limits["longest_wait_minutes"]),
            clock_tolerance=dt.timedelta(seconds=limits["clock_tolerance_seconds"]),
            day_starts=dt.time.fromisoformat(shifts["day_starts"]),
            shift_gap=dt.timedelta(minutes=shifts["gap_minutes"]),
        )
        if preset.time_zone:
            ZoneInfo(preset.time_zone)
    except (KeyError, ValueError, TypeError, OSError) as error:
        raise InvalidInputError(f"The preset {name} cannot be read: {error}.", field="preset") from error
    missing = [column for column in (*_NEEDED, *preset.identity) if column not in preset.columns]
    wrong = sorted(set(preset.outcomes.values()) - set(OUTCOMES))
    if missing or wrong:
        what = (
            f"it lacks the columns {', '.join(missing)}" if missing else f"it has unknown outcomes {', '.join(wrong)}"
        )
        raise InvalidInputError(f"The preset {name} cannot be used: {what}.", field="preset")
    return preset
