"""Forecasts of live contacts that another system made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from webapp.models import ForecastInterval, ForecastSource, ImportKind
from webapp.services.access import Permission
from webapp.services.importing import values
from webapp.services.importing.columns import Column
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.kinds.base import Kind
from webapp.services.importing.stores import Snapshot, Store, to_json
from webapp.services.importing.writing import Draft
from webapp.services.service_levels import staffed_minutes

FORECASTS = Store(
    ForecastInterval,
    ("site_id", "engagement_type_id", "starts_at"),
    ("site_id", "engagement_type_id", "starts_at", "length_minutes", "volume", "minutes", "source"),
)
_DAY_MINUTES = 24 * 60


class Forecasts(Kind):
    """Forecast intervals by site, type and begin."""

    name = ImportKind.FORECAST
    title = "Forecast"
    about = (
        "Calls and chats expected, by engagement type and interval. Without minutes, the volume × the handle time of "
        "the type is raised to what the service level needs (80 % within 20 seconds, Erlang C). Times are local to the "
        "site."
    )
    permission = Permission.IMPORT_WORK
    stores = (FORECASTS,)
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "site",
            values.code,
            "Code of the site; empty: the site chosen for the file",
            "lisbon",
            aliases=("site_code",),
        ),
        Column(
            "type",
            values.code,
            "Code of an engagement type on voice or chat",
            "billing-call",
            required=True,
            aliases=("engagement_type", "type_code", "queue"),
        ),
        Column(
            "starts_at",
            values.moment,
            "Begin of the interval",
            "2026-11-23 08:00",
            required=True,
            aliases=("start", "interval"),
        ),
        Column(
            "length_minutes",
            values.whole(5, _DAY_MINUTES),
            "Length of the interval; empty: 30",
            "30",
            aliases=("interval_minutes",),
        ),
        Column(
            "volume",
            values.decimal(0, 1_000_000),
            "Contacts that arrive",
            "42",
            required=True,
            aliases=("contacts", "calls", "offered"),
        ),
        Column("minutes", values.decimal(0, 10_000_000), "Contact minutes to staff; empty: from the volume", ""),
    )

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Save forecast intervals."""
        drafts = [draft for row in rows if (draft := self._draft(context, row)) is not None]
        context.sink.save(FORECASTS, drafts)

    @staticmethod
    def _draft(context: Context, row: ParsedRow) -> Draft | None:
        site = context.site_of(row)
        kind = context.types.get(row.values["type"])
        if kind is None:
            context.unknown(row.number, "type", row.values["type"], "engagement type", context.types)
        elif not kind.channel.live:
            context.problem(
                row.number,
                "type",
                row.values["type"],
                "not_live",
                f"{kind.channel.value} work is not forecast: it is imported as engagements.",
                "A type on voice or chat.",
            )
            kind = None
        if site is None or kind is None:
            return None
        starts_at = context.moment_of(row.number, "starts_at", row.values["starts_at"], site.time_zone)
        if starts_at is None:
            return None
        key = (site.id, kind.id, starts_at)
        label = f"{kind.code} {starts_at:%Y-%m-%d %H:%M} UTC"
        if not context.first_of_key(
            row.number, "starts_at", (site.code, kind.code, to_json(starts_at)), what="site, type and begin"
        ):
            return None
        length, volume = row.get("length_minutes", 30), row.values["volume"]
        minutes = row.get("minutes")
        if minutes is None:
            minutes = staffed_minutes({kind.id: (volume, kind.handle_minutes)}, interval_minutes=length)[kind.id]
        snapshot: Snapshot = {
            "site_id": site.id,
            "engagement_type_id": kind.id,
            "starts_at": to_json(starts_at),
            "length_minutes": length,
            "volume": volume,
            "minutes": minutes,
            "source": ForecastSource.IMPORTED.value,
        }
        return Draft(row.number, key, label, lambda _: snapshot)
