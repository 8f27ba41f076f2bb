"""
The database: declarative base, column types, engine and sessions.

SQLite is opened in WAL mode with foreign keys on and a busy timeout, and a transaction that may write starts with
``BEGIN IMMEDIATE``: a deferred transaction that turns into a writer fails with "database is locked" whatever the
timeout is. Whoever fills SQLite's log up to a thousand pages carries it over into the database, which waits for the
disk; of hurried transactions, which have a caller who cannot wait, every hundredth lets a thread do that instead.
"""

from __future__ import annotations

import datetime as dt
import enum
import functools
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from sqlite3 import Error
from typing import Annotated, Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Integer,
    MetaData,
    String,
    TypeDecorator,
    create_engine,
    event,
)
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, declared_attr, mapped_column
from sqlalchemy.pool import ConnectionPoolEntry

POOL_SIZE = 20
"""Connections that a process keeps: more than the threads for pages of `mainstay serve`, half of gunicorn's."""

BUSY_TIMEOUT_MS = 10_000
HURRIED_MS = 300
"""How long a transaction waits for others that has a caller who would rather go on without an answer."""

CHECKPOINT_PAGES = 1_000
"""So many pages of SQLite's log are carried over by the transaction that fills them: its own default."""

HURRIED_PER_CHECKPOINT = 100
"""A decision of live routing writes about ten pages, so that the log is carried over as often as by others."""

MOST_PAGES_BEHIND = 8_000
"""A hurried transaction carries the log over itself only if no thread came to it before it was so long."""

PING_AFTER_SECONDS = 5.0
"""A connection that rested for so long is tried before it is used; asking each time takes as long as a statement."""

_NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite only autoincrements columns of type INTEGER, PostgreSQL should not run out of keys at two thousand million.
PrimaryKey = Annotated[int, mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)]
Name = Annotated[str, mapped_column(String(200))]
Code = Annotated[str, mapped_column(String(80))]


class UTCDateTime(TypeDecorator[dt.datetime]):
    """A point in time, timezone-aware in Python and stored as UTC; naive values are refused."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the value in UTC, or raise ``ValueError`` if it has no time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone.")
        return value.astimezone(dt.UTC)

    def process_result_value(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the stored value as an aware UTC datetime."""
        if value is None:
            return None
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Base(DeclarativeBase):
    """Base of all models."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this attribute as it stands
        dt.datetime: UTCDateTime(),
        dict[str, Any]: JSON(none_as_null=True),
        list[Any]: JSON(none_as_null=True),
        enum.StrEnum: Enum(
            enum.StrEnum,
            native_enum=False,
            length=40,
            values_callable=lambda cls: [m.value for m in cls],
            create_constraint=False,
        ),
    }


class Versioned:
    """Optimistic locking: updating a row that changed since it was read raises ``StaleDataError``; no word is lost."""

    version: Mapped[int] = mapped_column(Integer)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy hands over the class
        """Tell the mapper which column counts versions."""
        return {"version_id_col": cls.version}


def _configure_sqlite(dbapi_connection: Any, _record: ConnectionPoolEntry) -> None:
    # The driver's own transaction handling is switched off: SQLAlchemy's begin event below says how to begin.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    options = connection.get_execution_options()
    immediate, wait = options.get("mainstay_writes", False), options.get("mainstay_wait_ms", BUSY_TIMEOUT_MS)
    if connection.info.get("wait_ms", BUSY_TIMEOUT_MS) != wait:
        pages = CHECKPOINT_PAGES if wait == BUSY_TIMEOUT_MS else MOST_PAGES_BEHIND
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {wait}")
        connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint = {pages}")
        connection.info["wait_ms"] = wait
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


def _note_rest(_dbapi_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["rests_since"] = time.monotonic()


def _ping_rested(dialect: Dialect) -> Callable[[Any, ConnectionPoolEntry, Any], None]:
    def ping(dbapi_connection: Any, record: ConnectionPoolEntry, _proxy: Any) -> None:
        rested = time.monotonic() - record.info.get("rests_since", time.monotonic())
        if rested < PING_AFTER_SECONDS:
            return
        try:
            dialect.do_ping(dbapi_connection)
        except dialect.loaded_dbapi.Error as error:
            # The pool answers this with a new connection.
            raise DisconnectionError from error

    return ping


class Database:
    """
    One engine and the two kinds of session that the application uses.

    Parameters
    ----------
    url
        SQLAlchemy address of the database.
    """

    def __init__(self, url: str | URL) -> None:
        self.url = make_url(url)
        self.engine = self._create_engine(self.url)
        self._writing = self.engine.execution_options(mainstay_writes=True)
        self._hurried = self._writing.execution_options(mainstay_wait_ms=HURRIED_MS)
        self._told: list[Callable[[Session, bool], None]] = []
        self._hurried_count = itertools.count(1)

    @staticmethod
    def _create_engine(url: URL) -> Engine:
        # Parameters are people's names and words; errors are written to the log and into rows of jobs.
        if url.get_backend_name() == "sqlite":
            if url.database and url.database != ":memory:":
                Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_engine(
                url,
                connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False},
                # A connection more is closed after its use, and reads the whole schema when it is opened again.
                pool_size=POOL_SIZE,
                hide_parameters=True,
            )
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
        if url.drivername == "postgresql":
            url = url.set(drivername="postgresql+psycopg")
        engine = create_engine(url, pool_size=POOL_SIZE, max_overflow=10, hide_parameters=True)
        event.listen(engine, "checkin", _note_rest)
        event.listen(engine, "checkout", _ping_rested(engine.dialect))
        return engine

    def reading(self) -> Session:
        """Return a session for requests that only read."""
        return Session(self.engine, expire_on_commit=False)

    def writing(self, *, hurried: bool = False) -> Session:
        """Return a session whose transactions take the write lock at their start; a hurried one soon gives up."""
        session = Session(self._hurried if hurried else self._writing, expire_on_commit=False)
        if hurried and self.is_sqlite and next(self._hurried_count) % HURRIED_PER_CHECKPOINT == 0:
            threading.Thread(target=self.carry_over, name="checkpoint", daemon=True).start()
        if self._told:
            event.listen(session, "after_commit", functools.partial(self._tell, committed=True))
            event.listen(session, "after_rollback", functools.partial(self._tell, committed=False))
        return session

    def carry_over(self) -> None:
        """Carry SQLite's log over into the database as far as that holds nobody up; others may go on writing."""
        # Not within a transaction, which could not see beyond its own beginning. Where the database is busy, or goes
        # away with its application, the next one does it.
        with suppress(Error, SQLAlchemyError), closing(self.engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()

    def on_end(self, told: Callable[[Session, bool], None]) -> None:
        """Call a function after each transaction of a writing session, with whether it was committed."""
        self._told.append(told)

    def _tell(self, session: Session, *, committed: bool) -> None:
        # The end of a savepoint is none of the transaction.
        if not session.in_nested_transaction():
            for told in self._told:
                told(session, committed)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a writing session that commits at the end, or rolls back if an error leaves the block."""
        with self.writing() as session, session.begin():
            yield session

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is SQLite."""
        return self.engine.dialect.name == "sqlite"

    @property
    def connections_in_use(self) -> int:
        """How many connections of the pool are in use at the moment."""
        counted = getattr(self.engine.pool, "checkedout", None)
        return int(counted()) if counted is not None else 0

    def dispose(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()
