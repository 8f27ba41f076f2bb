"""
Forecasts of live contacts from the days before, and what then really came.

The method, for each engagement type and interval of the day (by the wall clock of the site):

1. *Volume* is the weighted mean of what arrived in the same interval of past days, of up to :data:`HISTORY_DAYS` days.
   A past day of the same weekday weighs 3, any other 1, times 0.95 for each day of age; other weekdays count only if
   their mean total lies within :data:`SIMILAR` of this weekday's, so that a short Friday says nothing about a Tuesday.
2. *Workload* is volume × mean handle minutes of the type in the same history.
3. *Minutes* are the workload raised to what the service level needs: Erlang C over all types of the interval together
   (:mod:`webapp.services.service_levels`).

Nothing from the day itself or later is read.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import Channel, Contact, ContactOutcome, EngagementType, ForecastInterval, ForecastSource, Site
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.service_levels import DEFAULT, ServiceLevel, staffed_minutes
from webapp.services.zones import day_bounds

HISTORY_DAYS = 56
SAME_WEEKDAY_WEIGHT = 3.0
DAILY_DECAY = 0.95
SIMILAR = 0.3
INTERVALS = (15, 30, 60)

_DAY_MINUTES = 24 * 60
_LIVE = tuple(channel for channel in Channel if channel.live)


@dataclass(frozen=True, slots=True)
class History:
    """
    Contacts of past days.

    Parameters
    ----------
    volumes
        Day → engagement type → contacts by interval of the wall clock; days without contacts are there, too.
    handle_minutes
        Engagement type → mean handle minutes.
    """

    volumes: Mapping[dt.date, Mapping[int, Sequence[int]]]
    handle_minutes: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class BuiltForecast:
    """What a forecast came to: sums over the day, and the weight of each past day."""

    day: dt.date
    intervals: int
    volume: float
    workload_minutes: float
    staffed_minutes: float
    weights: Mapping[dt.date, float]


def build_forecast(
    session: Session,
    site: Site,
    day: dt.date,
    *,
    interval_minutes: int = 30,
    level: ServiceLevel = DEFAULT,
    by: Actor,
) -> BuiltForecast:
    """
    Forecast the live contacts of a day from the days before it, and keep the result.

    An earlier forecast from history for the day is replaced; intervals that were imported stay as they are.

    Parameters
    ----------
    session
        A writing session.
    site, day
        Where, and which day of its calendar.
    interval_minutes
        Length of an interval: 15, 30 or 60.
    level
        The service level to staff for.
    by
        Who asks for it.

    Raises
    ------
    InvalidInputError
        If the interval is none of these, or no contacts are known from before the day.
    """
    if interval_minutes not in INTERVALS:
        raise InvalidInputError("An interval has 15, 30 or 60 minutes.", field="interval_minutes")
    history = read_history(session, site, before=day, interval_minutes=interval_minutes)
    weights = weigh_days(history, day)
    if not weights:
        raise InvalidInputError(
            f"No contacts are known at {site.name} from the {HISTORY_DAYS} days before {day:%-d %b %Y}. "
            "Import a call log, or a forecast.",
            field="day",
        )
    starts = _starts(site, day, interval_minutes)
    _clear(session, site, starts[0], starts[-1] + dt.timedelta(minutes=interval_minutes))
    imported = _imported(session, site, starts)
    rows: list[dict[str, Any]] = []
    workload = 0.0
    for starts_at in starts:
        index = _wall_index(starts_at, site, interval_minutes)
        demand = {
            type_id: (_mean(history, weights, type_id, index), minutes)
            for type_id, minutes in history.handle_minutes.items()
        }
        workload += sum(volume * minutes for volume, minutes in demand.values())
        staffed = staffed_minutes(demand, interval_minutes=interval_minutes, level=level)
        for type_id, (volume, _) in demand.items():
            if volume > 0 and (type_id, starts_at) not in imported:
                rows.append(
                    {
                        "site_id": site.id,
                        "engagement_type_id": type_id,
                        "starts_at": starts_at,
                        "length_minutes": interval_minutes,
                        "volume": round(volume, 4),
                        "minutes": staffed[type_id],
                        "source": ForecastSource.HISTORY,
                    }
                )
    if rows:
        session.execute(insert(ForecastInterval), rows)
    built = BuiltForecast(
        day=day,
        intervals=len(starts),
        volume=sum(row["volume"] for row in rows),
        workload_minutes=workload,
        staffed_minutes=sum(row["minutes"] for row in rows),
        weights=weights,
    )
    audit.record(
        session,
        "build_forecast",
        site,
        by=by,
        detail={"day": day.isoformat(), "interval_minutes": interval_minutes, "rows": len(rows)},
    )
    return built


def read_history(session: Session, site: Site, *, before: dt.date, interval_minutes: int) -> History:
    """Return the live contacts of the days before one, from the first day that has any."""
    zone = ZoneInfo(site.time_zone)
    first, _ = day_bounds(before - dt.timedelta(days=HISTORY_DAYS), site.time_zone)
    end, _ = day_bounds(before, site.time_zone)
    volumes: dict[dt.date, dict[int, list[int]]] = defaultdict(dict)
    seconds: dict[int, list[float]] = defaultdict(list)
    contacts = session.execute(
        select(Contact.engagement_type_id, Contact.arrived_at, Contact.served_at, Contact.ended_at, Contact.outcome)
        .join(Contact.engagement_type)
        .where(
            Contact.site_id == site.id,
            Contact.arrived_at >= first,
            Contact.arrived_at < end,
            EngagementType.channel.in_(_LIVE),
        )
    )
    for type_id, arrived_at, served_at, ended_at, outcome in contacts:
        local = arrived_at.astimezone(zone)
        slots = volumes[local.date()].setdefault(type_id, [0] * (_DAY_MINUTES // interval_minutes))
        slots[(local.hour * 60 + local.minute) // interval_minutes] += 1
        if outcome is ContactOutcome.SERVED and served_at is not None and ended_at is not None:
            seconds[type_id].append((ended_at - served_at).total_seconds())
    if volumes:
        for age in range((before - min(volumes)).days):
            volumes.setdefault(before - dt.timedelta(days=age + 1), {})
    known = {type_id for slots in volumes.values() for type_id in slots}
    return History(volumes, {type_id: _handle_minutes(session, type_id, seconds[type_id]) for type_id in sorted(known)})


def _handle_minutes(session: Session, type_id: int, seconds: Sequence[float]) -> float:
    if seconds:
        return sum(seconds) / len(seconds) / 60
    return session.get_one(EngagementType, type_id).handle_minutes


def weigh_days(history: History, day: dt.date) -> dict[dt.date, float]:
    """Return the weight of each past day in the mean, normalised to a sum of 1; days that say nothing are left out."""
    totals = {past: sum(sum(each) for each in slots.values()) for past, slots in history.volumes.items()}
    by_weekday: dict[int, list[int]] = defaultdict(list)
    for past, total in totals.items():
        by_weekday[past.weekday()].append(total)
    means = {weekday: sum(found) / len(found) for weekday, found in by_weekday.items()}
    usual = means.get(day.weekday())
    weights: dict[dt.date, float] = {}
    for past in totals:
        if past.weekday() == day.weekday():
            weight = SAME_WEEKDAY_WEIGHT
        elif usual is None or abs(means[past.weekday()] - usual) <= SIMILAR * usual:
            weight = 1.0
        else:
            continue
        weights[past] = weight * DAILY_DECAY ** (day - past).days
    whole = sum(weights.values())
    return {past: weight / whole for past, weight in sorted(weights.items())}


def _mean(history: History, weights: Mapping[dt.date, float], type_id: int, index: int) -> float:
    return sum(
        weight * history.volumes[past][type_id][index]
        for past, weight in weights.items()
        if type_id in history.volumes[past]
    )


def _starts(site: Site, day: dt.date, interval_minutes: int) -> list[dt.datetime]:
    """Return the begin of each interval of a day in UTC: 23, 24 or 25 hours of them."""
    first, after = day_bounds(day, site.time_zone)
    length = dt.timedelta(minutes=interval_minutes)
    return [first + number * length for number in range(-((first - after) // length))]


def _wall_index(moment: dt.datetime, site: Site, interval_minutes: int) -> int:
    local = moment.astimezone(ZoneInfo(site.time_zone))
    return (local.hour * 60 + local.minute) // interval_minutes


def _clear(session: Session, site: Site, starts_at: dt.datetime, ends_at: dt.datetime) -> None:
    session.execute(
        delete(ForecastInterval).where(
            ForecastInterval.site_id == site.id,
            ForecastInterval.starts_at >= starts_at,
            ForecastInterval.starts_at < ends_at,
            ForecastInterval.source == ForecastSource.HISTORY,
        )
    )


def _imported(session: Session, site: Site, starts: Sequence[dt.datetime]) -> set[tuple[int, dt.datetime]]:
    rows = session.execute(
        select(ForecastInterval.engagement_type_id, ForecastInterval.starts_at).where(
            ForecastInterval.site_id == site.id,
            ForecastInterval.starts_at >= starts[0],
            ForecastInterval.starts_at <= starts[-1],
        )
    )
    return {(type_id, starts_at) for type_id, starts_at in rows}


def actual_minutes(session: Session, site: Site, day: dt.date, interval_minutes: int) -> dict[tuple[int, int], float]:
    """
    Return the contact minutes that really came: (engagement type, interval of the day) → minutes.

    Each contact wants its handle time from the moment of its arrival on, through the following intervals: an
    abandoned one the mean handle time of its type on that day, because it would have needed that.

    Parameters
    ----------
    session
        A session.
    site, day
        Where, and which day of its calendar.
    interval_minutes
        Length of an interval; interval 0 begins with the day.
    """
    first, after = day_bounds(day, site.time_zone)
    length = dt.timedelta(minutes=interval_minutes)
    contacts = session.execute(
        select(Contact.engagement_type_id, Contact.arrived_at, Contact.served_at, Contact.ended_at)
        .join(Contact.engagement_type)
        .where(
            Contact.site_id == site.id,
            Contact.arrived_at >= first,
            Contact.arrived_at < after,
            EngagementType.channel.in_(_LIVE),
        )
    ).all()
    served: dict[int, list[float]] = defaultdict(list)
    for type_id, _, served_at, ended_at in contacts:
        if served_at is not None and ended_at is not None:
            served[type_id].append((ended_at - served_at).total_seconds() / 60)
    means = {
        type_id: _handle_minutes(session, type_id, [60 * each for each in served[type_id]]) for type_id, *_ in contacts
    }
    minutes: dict[tuple[int, int], float] = defaultdict(float)
    for type_id, arrived_at, served_at, ended_at in contacts:
        lasting = ended_at - served_at if served_at is not None and ended_at is not None else None
        left = lasting if lasting is not None else dt.timedelta(minutes=means[type_id])
        moment = arrived_at
        while left > dt.timedelta() and moment < after:
            index = (moment - first) // length
            step = min(left, first + (index + 1) * length - moment)
            minutes[type_id, index] += step.total_seconds() / 60
            moment, left = moment + step, left - step
    return dict(minutes)
