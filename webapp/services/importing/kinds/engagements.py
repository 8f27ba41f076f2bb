"""Engagements: dated customer work."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from webapp.models import Engagement, EngagementState, EngagementType, ImportKind
from webapp.services import lifecycle
from webapp.services.access import Permission
from webapp.services.importing import values
from webapp.services.importing.columns import Column
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.kinds.base import Kind, merge
from webapp.services.importing.stores import Snapshot, Store, to_json
from webapp.services.importing.writing import Draft

ENGAGEMENTS = Store(
    Engagement,
    ("external_id",),
    (
        "external_id",
        "site_id",
        "engagement_type_id",
        "customer_key",
        "subject",
        "earliest_at",
        "due_at",
        "latest_at",
        "priority",
        "minutes",
        "owner_id",
        "state",
    ),
    retire={"state": EngagementState.CANCELLED.value},
)
_DEFAULTS: Snapshot = {
    "customer_key": "",
    "subject": "",
    "priority": 3,
    "minutes": None,
    "owner_id": None,
    "state": EngagementState.CLASSIFIED.value,
}
_PLAIN = {"customer": "customer_key", "subject": "subject", "priority": "priority", "minutes": "minutes"}
_CLOSED = {EngagementState.DONE.value, EngagementState.CANCELLED.value}
_EXPIRED = EngagementState.EXPIRED.value


class _FileState(enum.StrEnum):
    """The states that a file can tell: what a plan makes of an engagement is not among them."""

    RECEIVED = EngagementState.RECEIVED.value
    CLASSIFIED = EngagementState.CLASSIFIED.value
    OPEN = "open"
    DONE = EngagementState.DONE.value
    EXPIRED = EngagementState.EXPIRED.value
    CANCELLED = EngagementState.CANCELLED.value

    @property
    def state(self) -> EngagementState:
        """The state that it means; ``open`` is what files of earlier versions call classified."""
        return EngagementState.CLASSIFIED if self is _FileState.OPEN else EngagementState(self.value)

    @property
    def ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in lifecycle.ENDED


def _note(context: Context, changes: Sequence[tuple[int, Snapshot | None, Snapshot]]) -> None:
    lifecycle.note_written(context.session, changes, action="import_engagement", by=context.by)


class Engagements(Kind):
    """Engagements by external id."""

    name = ImportKind.ENGAGEMENTS
    title = "Engagements"
    about = (
        "Dated customer work by external id: mail, cases, callbacks, social and community replies, check-ins. "
        "Calls and chats that have not arrived yet are forecast, not imported one by one. Times are local to the site."
    )
    permission = Permission.IMPORT_WORK
    stores = (ENGAGEMENTS,)
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "external_id",
            values.code,
            "Id in the system that it comes from",
            "case-77120",
            required=True,
            aliases=("id", "case", "case_id", "ticket", "ticket_id", "engagement_id"),
        ),
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
            "Code of the engagement type",
            "refund-mail",
            required=True,
            aliases=("engagement_type", "type_code"),
        ),
        Column(
            "customer",
            values.text(80),
            "Key of the customer, never a name",
            "c-20881",
            aliases=("customer_key", "customer_id"),
        ),
        Column("subject", values.text(200), "What it is about, without personal data", "Refund not received"),
        Column(
            "earliest_at",
            values.moment,
            "It may start from here on",
            "2026-11-23 08:00",
            required=True,
            aliases=("earliest", "start", "opened", "created_at"),
        ),
        Column(
            "due_at", values.moment, "Last start that is not late", "2026-11-23 14:00", required=True, aliases=("due",)
        ),
        Column("latest_at", values.moment, "Last start at all; empty: due_at", "2026-11-23 18:00", aliases=("latest",)),
        Column("priority", values.priority, "1 lowest to 5 highest; empty: 3", "3"),
        Column(
            "minutes",
            values.decimal(0, 24 * 60, exclusive=True),
            "Handle time of this one; empty: that of the type",
            "",
        ),
        Column("owner", values.code, "External id of the case owner", "p1001", aliases=("case_owner", "owner_id")),
        Column(
            "state",
            values.choice(_FileState),
            "How it stands; empty: classified, or as it stands already",
            "classified",
        ),
    )

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Save engagements."""
        drafts = [
            draft
            for row in rows
            if context.first_of_key(row.number, "external_id", row.values["external_id"])
            and (draft := self._draft(context, row)) is not None
        ]
        context.sink.save(ENGAGEMENTS, drafts, after_write=partial(_note, context))

    def _draft(self, context: Context, row: ParsedRow) -> Draft | None:
        site, kind = context.site_of(row), self._type_of(context, row)
        owner = context.person_of(row, column="owner") if row.get("owner") is not None else None
        if site is None or kind is None or (owner is None and row.get("owner") is not None):
            return None
        moments = self._window(context, row, site.time_zone)
        if moments is None:
            return None
        external_id, type_id, site_id = row.values["external_id"], kind.id, site.id
        window = dict(zip(("earliest_at", "due_at", "latest_at"), map(to_json, moments), strict=True))

        def build(present: Snapshot | None) -> Snapshot | None:
            if present is not None and not context.covers(present["site_id"]):
                context.out_of_scope(row.number, "external_id", external_id)
                return None
            after = merge(row, present, _PLAIN, _DEFAULTS)
            after.update(window, external_id=external_id, site_id=site_id, engagement_type_id=type_id)
            if "latest_at" not in row.values and present is not None:
                after["latest_at"] = max(present["latest_at"], after["due_at"])
            if "owner" in row.values:
                after["owner_id"] = owner.id if owner else None
            state = row.get("state")
            if state is not None and (present is None or state.ended):
                after["state"] = state.state.value
            elif present is not None and present["state"] == _EXPIRED and after["latest_at"] > present["latest_at"]:
                # The system that it comes from gives it more time.
                after["state"] = EngagementState.CLASSIFIED.value
            if present is not None and present["state"] in _CLOSED and after != present:
                context.problem(
                    row.number,
                    "external_id",
                    external_id,
                    "closed",
                    f"This engagement is {present['state']}.",
                    "The values that it has, or a new id.",
                )
                return None
            return after

        return Draft(row.number, (external_id,), f"engagement {external_id}", build)

    @staticmethod
    def _type_of(context: Context, row: ParsedRow) -> EngagementType | None:
        """Return the type that a row names, or None and a problem; work that has ended may be of one out of use."""
        ended = row.get("state") is not None and row.values["state"].ended
        kind = (context.all_types if ended else context.types).get(row.values["type"])
        if kind is None:
            context.unknown(row.number, "type", row.values["type"], "engagement type", context.types)
        elif kind.channel.live:
            context.problem(
                row.number,
                "type",
                row.values["type"],
                "live_channel",
                f"{kind.channel.value} contacts are forecast, not imported.",
                "A type whose work can wait, such as a callback.",
            )
            return None
        return kind

    @staticmethod
    def _window(context: Context, row: ParsedRow, zone: str) -> tuple[dt.datetime, dt.datetime, dt.datetime] | None:
        earliest = context.moment_of(row.number, "earliest_at", row.values["earliest_at"], zone)
        due = context.moment_of(row.number, "due_at", row.values["due_at"], zone)
        latest = due
        if row.get("latest_at") is not None:
            latest = context.moment_of(row.number, "latest_at", row.values["latest_at"], zone)
        if earliest is None or due is None or latest is None:
            return None
        if not earliest <= due <= latest:
            column = "due_at" if due < earliest else "latest_at"
            context.problem(
                row.number,
                column,
                row.get(column, ""),
                "empty_window",
                "The window ends before it begins.",
                "earliest_at, due_at and latest_at in this order.",
            )
            return None
        return earliest, due, latest
