"""
A site's floor in this process: arrays of who is present, brought up to date from the rows at each decision.

The database is the truth. Each change of a presence takes the site's next number under the site's lock, so that a
process that knows number 41 reads the rows above 41 and has everything. What a transaction changed itself stands here
as it was written once that transaction is committed; else the next one reads it again: a rollback leaves no trace.

The lock is SQLite's write lock, which a writing transaction holds from its beginning, or an advisory lock of
PostgreSQL for the site; a lock that does not come in time is an error, because a telephone system does not wait.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Pool, Table, bindparam, event, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.orm import Session

from optimizer.routing import FALLBACK, LIVE, Floor, Rule, Scorer, Standing
from webapp.errors import BusyError
from webapp.models import AgentPresence, PresenceState, RoutingDesk, RoutingFloor, RoutingMode, RoutingSetting
from webapp.services.routing.stored_desks import StoredDesk

LOCK_MILLISECONDS = 300
LOCK_SPACE = 0x726F7574
"""Any constant: the space of the advisory locks of routing, beside that of the audit trail."""

SHARES_PRESENT = frozenset({PresenceState.AVAILABLE, PresenceState.BUSY})

_presence = cast(Table, AgentPresence.__table__)
_floor = cast(Table, RoutingFloor.__table__)
_SITE = (
    select(
        RoutingFloor.epoch,
        RoutingFloor.changes,
        RoutingFloor.desk_id,
        RoutingDesk.priced,
        RoutingDesk.plan_id,
        RoutingDesk.starts_at,
        RoutingDesk.ends_at,
        RoutingSetting.mode,
        RoutingSetting.reservation_seconds,
        RoutingSetting.unanswered_limit,
        RoutingSetting.after_work_seconds,
    )
    .join(RoutingSetting, RoutingSetting.site_id == RoutingFloor.site_id)
    .outerjoin(RoutingDesk, RoutingDesk.id == RoutingFloor.desk_id)
    .where(RoutingFloor.site_id == bindparam("site_id"))
)
_COLUMNS = (
    _presence.c.person_id,
    _presence.c.state,
    _presence.c.load,
    _presence.c.contacts,
    _presence.c.since,
    _presence.c.idle_since,
    _presence.c.given_at,
    _presence.c.until,
    _presence.c.unanswered,
    _presence.c.version,
)


# Statements are made once: making and recognizing them takes longer than the database takes to answer.
_CHANGED = select(*_COLUMNS).where(_presence.c.site_id == bindparam("site_id"), _presence.c.change > bindparam("seen"))
_ADD = insert(_presence)
CHANGE_PRESENCE = update(_presence).where(
    _presence.c.person_id == bindparam("of_person"), _presence.c.version == bindparam("of_version")
)
COUNT_CHANGES = update(_floor).where(_floor.c.site_id == bindparam("of_site"))

_LATEST = "routing_latest"


@dataclass(slots=True)
class Presence:
    """A row of :class:`AgentPresence` as this process knows it; ``version`` 0 is a person who never was present."""

    person_id: int
    state: PresenceState
    load: float
    contacts: dict[str, str]
    since: dt.datetime
    idle_since: dt.datetime
    given_at: dt.datetime | None = None
    until: dt.datetime | None = None
    unanswered: int = 0
    version: int = 0

    @property
    def free_slot(self) -> int:
        """The lowest slot that is not taken."""
        return next(number for number in range(len(self.contacts) + 1) if str(number) not in self.contacts)


@dataclass(slots=True, eq=False)
class _Latest:
    """
    What the latest transaction of this process changed at a site.

    ``changes`` is the number that it left with the site, None until it has written it. Only the session says that it
    was committed, perhaps after the next transaction has begun: that one then reads again what it need not have read.
    """

    changes: int | None = None
    touched: set[int] = field(default_factory=set)
    committed: bool = False


@dataclass(slots=True)
class _Known:
    """What this process knows of a site."""

    epoch: str
    desk_id: int
    stored: StoredDesk
    floor: Floor
    scorers: dict[str, Scorer]
    rows: dict[int, Presence] = field(default_factory=dict)
    seen: int = 0
    latest: _Latest = field(default_factory=_Latest)


# By pool: pages and programs ask through engines of their own, with other options, over the connections of one pool.
_known: WeakKeyDictionary[Pool, dict[int, _Known]] = WeakKeyDictionary()


@dataclass(slots=True)
class SiteFloor:
    """
    A site under its lock, up to date, for the rest of the transaction.

    Parameters
    ----------
    connection, site_id, at
        The transaction's connection, the site, and the present moment.
    """

    connection: Connection
    site_id: int
    at: dt.datetime
    setting: Row[*tuple[Any, ...]]
    changes: int
    _mine: _Known
    _counted: int

    @property
    def mode(self) -> RoutingMode:
        """Whether decisions are made, and reserved."""
        return RoutingMode(self.setting.mode)

    @property
    def desk_id(self) -> int:
        """The desk by which the site decides."""
        return self._mine.desk_id

    @property
    def stored(self) -> StoredDesk:
        """The desk, and what its names stand for."""
        return self._mine.stored

    @property
    def floor(self) -> Floor:
        """The agents as arrays."""
        return self._mine.floor

    @property
    def now(self) -> float:
        """The present moment in seconds from the start of the desk's horizon."""
        return self.seconds(self.at)

    def seconds(self, moment: dt.datetime) -> float:
        """Return a moment in seconds from the start of the desk's horizon."""
        return float((moment - self.setting.starts_at).total_seconds())

    @property
    def fallback(self) -> str:
        """Why prices do not decide now; empty where they do."""
        if not self.setting.priced:
            return "no_plan"
        return "" if self.setting.starts_at <= self.at < self.setting.ends_at else "other_day"

    @property
    def rule(self) -> Rule:
        """The rule by which is decided now."""
        return FALLBACK if self.fallback else LIVE

    def scorer(self) -> Scorer:
        """Return what scores pairs now."""
        scorer = self._mine.scorers["fallback" if self.fallback else "live"]
        scorer.enter(self.now)
        return scorer

    def find(self, person_id: int) -> Presence:
        """Return the presence of somebody, away if they never were present."""
        known = self._mine.rows.get(person_id)
        return known or Presence(person_id, PresenceState.AWAY, 0.0, {}, self.at, self.at)

    def write(self, presence: Presence) -> None:
        """
        Write a presence that was changed, and let the floor know.

        Raises
        ------
        BusyError
            If somebody changed the row although this transaction holds the site's lock: nothing is given twice.
        """
        self.write_down(self.take_down(presence))

    def write_down(self, values: dict[str, Any]) -> None:
        """Write what was taken down of a presence."""
        if "of_person" in values:
            self.expect_one(self.connection.execute(CHANGE_PRESENCE, values).rowcount)
        else:
            self.connection.execute(_ADD, values)

    def take_down(self, presence: Presence) -> dict[str, Any]:
        """Let the floor know of a presence that was changed; return what is to be written of it, whoever writes it."""
        self.changes += 1
        self._mine.latest.touched.add(presence.person_id)
        values: dict[str, Any] = {
            "state": presence.state,
            "load": presence.load,
            "contacts": presence.contacts,
            "since": presence.since,
            "idle_since": presence.idle_since,
            "given_at": presence.given_at,
            "until": presence.until,
            "unanswered": presence.unanswered,
            "change": self.changes,
            "version": presence.version + 1,
        }
        if presence.version:
            values |= {"of_person": presence.person_id, "of_version": presence.version}
        else:
            values |= {"person_id": presence.person_id, "site_id": self.site_id}
        presence.version += 1
        self._mine.rows[presence.person_id] = presence
        _stand(self._mine, presence, self.setting.starts_at)
        return values

    @staticmethod
    def expect_one(count: int) -> None:
        """
        Refuse to go on unless a change of a presence met its row as it was read.

        Raises
        ------
        BusyError
            If it did not.
        """
        if count != 1:
            raise BusyError("Somebody else changed this agent's presence at the same moment. Try again.")

    def count(self) -> dict[str, int]:
        """Return the number of the latest change as it is to be kept, whoever writes it."""
        self._counted = self.changes
        return {"changes": self.changes, "of_site": self.site_id}

    def close(self) -> None:
        """Keep the number of the latest change."""
        if self._counted != self.changes:
            self.connection.execute(COUNT_CHANGES, self.count())
        self._mine.latest.changes = self.changes


def lock_site(session: Session, site_id: int) -> None:
    """
    Wait for the site's lock and hold it to the end of the transaction.

    Raises
    ------
    OperationalError
        If others hold it for longer than a telephone system waits.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.connection().exec_driver_sql(
            f"SET LOCAL lock_timeout = {LOCK_MILLISECONDS}; SELECT pg_advisory_xact_lock({LOCK_SPACE}, {int(site_id)})"
        )


def forget() -> None:
    """Forget every floor, as a restart does: the next decision reads all of it from the database."""
    _known.clear()


def open_floor(session: Session, site_id: int, *, at: dt.datetime, locked: bool = False) -> SiteFloor | None:
    """
    Take the site's lock and return its floor, up to date; None where routing is off or has no desk yet.

    ``locked`` says that the transaction has taken the lock already.
    """
    if not locked:
        lock_site(session, site_id)
    connection = session.connection()
    setting = connection.execute(_SITE, {"site_id": site_id}).one_or_none()
    if setting is None or setting.desk_id is None or setting.mode == RoutingMode.OFF:
        return None
    known = _catch_up(connection, site_id, setting)
    known.latest = _Latest()
    session.info.setdefault(_LATEST, []).append((session.get_transaction(), known.latest))
    return SiteFloor(connection, site_id, at, setting, setting.changes, known, setting.changes)


@event.listens_for(Session, "after_commit")
def _note_commit(session: Session) -> None:
    # The end of a savepoint is none of the transaction, and one that was closed without an end was rolled back.
    if _LATEST in session.info and not session.in_nested_transaction():
        for transaction, latest in session.info.pop(_LATEST):
            latest.committed = transaction is session.get_transaction()


@event.listens_for(Session, "after_rollback")
def _note_rollback(session: Session) -> None:
    session.info.pop(_LATEST, None)


def _catch_up(connection: Connection, site_id: int, setting: Row[*tuple[Any, ...]]) -> _Known:
    by_site = _known.setdefault(connection.engine.pool, {})
    known = by_site.get(site_id)
    if known is not None and known.latest.committed and known.latest.changes is not None:
        known.seen = known.latest.changes
        known.latest = _Latest()
    if known is None or known.epoch != setting.epoch or known.seen > setting.changes:
        known = _Known(setting.epoch, 0, *_load_desk(connection, setting.desk_id))
    if known.desk_id != setting.desk_id:
        if known.desk_id:
            known.stored, known.floor, known.scorers = _load_desk(connection, setting.desk_id)
        known.desk_id = setting.desk_id
        for presence in known.rows.values():
            _stand(known, presence, setting.starts_at)
    by_site[site_id] = known
    if known.seen < setting.changes:
        rows = connection.execute(_CHANGED, {"site_id": site_id, "seen": known.seen})
        known.latest.touched -= _read(known, rows, setting.starts_at)
        known.seen = setting.changes
    touched = known.latest.touched
    if touched:
        # A transaction that was rolled back left its changes here; what was there before stands in the rows.
        for person_id in touched:
            known.rows.pop(person_id, None)
            column = known.stored.column_of.get(person_id)
            if column is not None:
                known.floor.stand(column, Standing(present=False))
        query = select(*_COLUMNS).where(_presence.c.person_id.in_(sorted(touched)))
        _read(known, connection.execute(query), setting.starts_at)
    return known


def _load_desk(connection: Connection, desk_id: int) -> tuple[StoredDesk, Floor, dict[str, Scorer]]:
    content = connection.scalar(select(RoutingDesk.content).where(RoutingDesk.id == desk_id))
    stored = StoredDesk.from_bytes(content or b"")
    scorers = {"live": Scorer(stored.desk, LIVE), "fallback": Scorer(stored.desk, FALLBACK)}
    return stored, Floor(stored.desk), scorers


def _read(known: _Known, rows: Iterable[Any], starts_at: dt.datetime) -> set[int]:
    """Take in presences as they stand in rows, and return whose they are."""
    found = set()
    for row in rows:
        presence = Presence(*row)
        presence.contacts = dict(presence.contacts)
        known.rows[presence.person_id] = presence
        found.add(presence.person_id)
        _stand(known, presence, starts_at)
    return found


def _stand(known: _Known, presence: Presence, starts_at: dt.datetime) -> None:
    column = known.stored.column_of.get(presence.person_id)
    if column is None:
        return
    given = presence.given_at
    known.floor.stand(
        column,
        Standing(
            present=presence.state in SHARES_PRESENT,
            load=presence.load,
            idle_since=(presence.idle_since - starts_at).total_seconds(),
            given_at=float("-inf") if given is None else (given - starts_at).total_seconds(),
        ),
    )
