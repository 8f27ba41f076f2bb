"""Wall-clock times of a site and UTC: times that do not exist are refused, times that come twice told apart."""

from __future__ import annotations

import datetime as dt
import enum
from zoneinfo import ZoneInfo

from webapp.errors import InvalidInputError


class Occurrence(enum.StrEnum):
    """Which one is meant, where the clock shows a time twice because it is put back."""

    FIRST = "first"
    SECOND = "second"


def to_utc(
    local: dt.datetime,
    zone: str,
    *,
    occurrence: Occurrence | None = None,
    field: str | None = None,
    occurrence_field: str | None = None,
) -> dt.datetime:
    """
    Return the moment at which the clock of a zone shows a time.

    Parameters
    ----------
    local
        Wall-clock time without a time zone.
    zone
        IANA name, such as ``Europe/Berlin``.
    occurrence
        Which one is meant if the clock shows the time twice; ignored otherwise.
    field, occurrence_field
        Form fields that an error is about: the time, and the choice between the two occurrences.

    Raises
    ------
    InvalidInputError
        If the clock skips the time, or shows it twice and ``occurrence`` does not say which is meant.
    """
    place = ZoneInfo(zone)
    earlier, later = local.replace(tzinfo=place, fold=0), local.replace(tzinfo=place, fold=1)
    if earlier.utcoffset() == later.utcoffset():
        return earlier.astimezone(dt.UTC)
    written = f"{local:%H:%M} on {local:%-d %b %Y}"
    if earlier.astimezone(dt.UTC).astimezone(place).replace(tzinfo=None) != local:
        raise InvalidInputError(
            f"{written} does not exist in {zone}: the clock is put forward past it. Choose a time before or after.",
            field=field,
        )
    if occurrence is None:
        raise InvalidInputError(
            f"{written} comes twice in {zone}, because the clock is put back. "
            f"Say whether you mean the first (UTC{earlier:%z}) or the second (UTC{later:%z}).",
            field=occurrence_field or field,
        )
    return (earlier if occurrence is Occurrence.FIRST else later).astimezone(dt.UTC)


def find_occurrence(moment: dt.datetime, zone: str) -> Occurrence | None:
    """Return which occurrence of its wall-clock time a moment is, or None if the clock shows that time once."""
    local = moment.astimezone(ZoneInfo(zone))
    if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset():
        return None
    return Occurrence.SECOND if local.fold else Occurrence.FIRST


def to_local(moment: dt.datetime, zone: str) -> dt.datetime:
    """Return what the clock of a zone shows at a moment, without a time zone, as forms take it."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def day_bounds(day: dt.date, zone: str) -> tuple[dt.datetime, dt.datetime]:
    """
    Return the first moment of a day at a zone and that of the next day, in UTC: usually 23, 24 or 25 hours apart.

    Where the clock is put forward at midnight, the day begins at that moment; where it shows midnight twice, the first.
    """
    place = ZoneInfo(zone)
    # Fold 0 is the offset from before a change: it gives the change itself for a skipped midnight, the first of two.
    first, after = (
        dt.datetime.combine(on, dt.time(), tzinfo=place).astimezone(dt.UTC) for on in (day, day + dt.timedelta(days=1))
    )
    return first, after
