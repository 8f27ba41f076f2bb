"""A backup holds every row as it stood at one moment, and comes back as it was, into either kind of database."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, inspect, select

from tests.factories.every_table import fill_every_table
from webapp import schema
from webapp.db import Base, Database
from webapp.errors import ConflictError, InvalidInputError, SchemaVersionError
from webapp.models import Account, ApiToken, AuditEvent, CalendarFeed, Engagement, ErasedCustomer, Notice, Person
from webapp.services import backup, customers
from webapp.services.audit import Actor
from webapp.services.backup.archive import MANIFEST

AT = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
SYSTEM = Actor(person_id=None, at=AT, channel="cli")


@pytest.fixture
def filled(database: Database) -> Database:
    """Return a database of each kind with rows in every table."""
    with database.engine.begin() as connection:
        fill_every_table(connection)
    return database


@pytest.fixture(params=["sqlite", "postgresql"])
def elsewhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Return a database of each kind in which nothing is, not even tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    else:
        url = request.getfixturevalue("create_postgresql_database")()
    database = Database(url)
    yield database
    database.dispose()


@pytest.fixture
def file(filled: Database, tmp_path: Path) -> Path:
    """Return the file of a backup."""
    path = tmp_path / "mainstay.backup"
    backup.dump(filled, path, at=AT)
    return path


def _restore(
    database: Database, file: Path, *, replace: bool = False, known: backup.Revocations | None = None
) -> backup.RestoreReport:
    with backup.open_archive(file) as archive:
        return backup.restore(database, archive, replace=replace, known=known, by=SYSTEM)


def _count(database: Database, model: type[Base]) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def _without(file: Path, *tables: str) -> dict[str, list[str]]:
    with zipfile.ZipFile(file) as packed:
        names = [name for name in packed.namelist() if name.startswith("tables/")]
        return {
            name: packed.read(name).decode().splitlines()
            for name in names
            if name.removeprefix("tables/")[:-6] not in tables
        }


def test_rows_of_every_table_come_back_as_they_were(filled, file, elsewhere, tmp_path):
    manifest = backup.open_archive(file)
    with manifest as archive:
        assert {entry.rows for entry in archive.manifest.tables} == {2}

    report = _restore(elsewhere, file, known=backup.Revocations())

    assert report.rows == 2 * len(Base.metadata.tables)
    again = tmp_path / "again.backup"
    backup.dump(elsewhere, again, at=AT)
    # The restore itself is audited, and ends every session.
    assert _without(again, "account", "audit_event") == _without(file, "account", "audit_event")
    assert _count(elsewhere, AuditEvent) == 3


def test_hash_names_the_content_and_not_the_file(filled, file, tmp_path):
    later = tmp_path / "later.backup"
    backup.dump(filled, later, at=AT + dt.timedelta(days=1))

    with backup.open_archive(file) as one, backup.open_archive(later) as other:
        assert one.manifest.content_hash == other.manifest.content_hash == backup.content_hash(filled)


def test_new_rows_take_keys_after_the_restored_ones(file, elsewhere):
    _restore(elsewhere, file)

    with elsewhere.transaction() as session:
        session.add(Notice(person_id=1, at=AT, kind="trial", text="A trial."))
        session.flush()
        assert session.scalar(select(func.max(Notice.id))) == 3


def test_sessions_end_and_revoked_tokens_stay_revoked(filled, file):
    with filled.transaction() as session:
        token = session.get_one(ApiToken, 1)
        before = set(session.scalars(select(Account.fs_uniquifier)))
        token.revoked_at = AT

    report = _restore(filled, file, replace=True)

    assert report.revoked_tokens == 1
    with filled.reading() as session:
        assert session.get_one(ApiToken, 1).revoked_at == SYSTEM.at
        assert before.isdisjoint(session.scalars(select(Account.fs_uniquifier)))


def test_where_nobody_can_say_what_was_revoked_every_token_is(file, elsewhere):
    _restore(elsewhere, file, known=None)

    with elsewhere.reading() as session:
        assert None not in session.scalars(select(ApiToken.revoked_at)).all()


@pytest.mark.parametrize("known_by", ["database", "nobody"])
def test_calendar_links_that_were_revoked_stay_revoked(filled, elsewhere, tmp_path, known_by):
    file = tmp_path / "older.backup"
    with filled.transaction() as session:
        session.get_one(CalendarFeed, 1).revoked_at = None
    backup.dump(filled, file, at=AT)
    with filled.transaction() as session:
        session.get_one(CalendarFeed, 1).revoked_at = AT

    target = filled if known_by == "database" else elsewhere
    _restore(target, file, replace=known_by == "database")

    with target.reading() as session:
        assert session.get_one(CalendarFeed, 1).revoked_at == SYSTEM.at


def test_list_of_revocations_says_which_tokens_still_hold(filled, file, elsewhere, tmp_path):
    listed = tmp_path / "revocations.json"
    with filled.reading() as session:
        held = session.get_one(ApiToken, 1)
        backup.write_revocations(listed, backup.read_revocations(session))
    assert held.revoked_at is None

    report = _restore(elsewhere, file, known=backup.load_revocations(listed))

    assert report.revoked_tokens == 0


@pytest.mark.parametrize("known_by", ["database", "list"])
def test_customer_who_was_erased_after_the_backup_stays_erased(filled, elsewhere, tmp_path, known_by):
    key = "customer-who-asked"
    with filled.writing() as session:
        session.info["audited"] = True
        session.get_one(Engagement, 1).customer_key = key
        session.commit()
    file, listed = tmp_path / "older.backup", tmp_path / "revocations.json"
    backup.dump(filled, file, at=AT)
    with filled.transaction() as session:
        customers.erase(session, key, reason="They asked.", by=SYSTEM)
    with filled.reading() as session:
        backup.write_revocations(listed, backup.read_revocations(session))

    if known_by == "database":
        target, report = filled, _restore(filled, file, replace=True)
    else:
        target, report = elsewhere, _restore(elsewhere, file, known=backup.load_revocations(listed))

    assert report.erased_rows >= 1
    assert key not in listed.read_text(encoding="utf-8")
    with target.reading() as session:
        assert session.get_one(Engagement, 1).customer_key.startswith(customers.TOKEN_START)
        assert customers.is_erased(session, key)


@pytest.mark.parametrize("known_by", ["database", "list"])
def test_customer_who_was_erased_under_a_plain_digest_stays_erased(filled, elsewhere, tmp_path, known_by):
    key, file, listed = "customer-who-asked", tmp_path / "older.backup", tmp_path / "revocations.json"
    with filled.writing() as session:
        session.info["audited"] = True
        session.get_one(Engagement, 1).customer_key = key
        session.commit()
    backup.dump(filled, file, at=AT)
    plain = hashlib.sha256(b"mainstay erased customer, version 1\0" + key.encode()).hexdigest()
    listed.write_text(
        json.dumps({"format": "mainstay-revocations", "tokens": [], "customers": [plain]}), encoding="utf-8"
    )
    with filled.transaction() as session:
        session.info["audited"] = True
        session.add(ErasedCustomer(digest=plain, at=AT, reason="Of a version before."))

    if known_by == "database":
        target, report = filled, _restore(filled, file, replace=True)
    else:
        target, report = elsewhere, _restore(elsewhere, file, known=backup.load_revocations(listed))

    assert report.erased_rows >= 1
    with target.reading() as session:
        assert session.get_one(Engagement, 1).customer_key.startswith(customers.TOKEN_START)
        assert customers.is_erased(session, key)


def test_restore_says_of_how_many_erased_customers_it_lacks_the_key(filled, elsewhere, file):
    with filled.transaction() as session:
        unknown = customers.count_unknown(session)
        session.info["audited"] = True
        session.add(ErasedCustomer(digest="0" * 64, key_id="of-another", at=AT, reason="They asked."))
    with filled.reading() as session:
        known = backup.read_revocations(session)

    assert _restore(elsewhere, file, known=known).unknown_erasures == unknown + 1


def test_list_from_before_customers_could_be_erased_is_read(tmp_path):
    listed = tmp_path / "revocations.json"
    listed.write_text('{"format": "mainstay-revocations", "tokens": ["x"]}', encoding="utf-8")

    assert backup.load_revocations(listed) == backup.Revocations(tokens=frozenset({"x"}))


def test_rows_that_are_there_are_not_touched_unless_it_is_said(filled, file):
    with pytest.raises(ConflictError, match="holds rows already"):
        _restore(filled, file)

    assert _count(filled, Person) == 2


def test_replacing_writes_the_backup_in_place_of_what_is_there(filled, file):
    with filled.transaction() as session:
        session.add(Notice(person_id=1, at=AT, kind="trial", text="Written after the backup."))

    _restore(filled, file, replace=True)

    assert _count(filled, Notice) == 2


def _damage_bytes(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 3] ^= 0xFF
    file.write_bytes(bytes(content))


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def _rewrite(file: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    with zipfile.ZipFile(file) as packed:
        members = {name: packed.read(name) for name in packed.namelist()}
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in members.items():
            changed = change(name, content)
            if changed is not None:
                packed.writestr(name, changed)


def _change_a_name(file: Path) -> None:
    _rewrite(file, lambda name, content: content.replace(b"name", b"mane") if name == "tables/skill.jsonl" else content)


def _leave_a_table_out(file: Path) -> None:
    _rewrite(file, lambda name, content: None if name == "tables/person.jsonl" else content)


def _add_a_member(file: Path) -> None:
    with zipfile.ZipFile(file, "a") as packed:
        packed.writestr("tables/../../evil.jsonl", "[]")


def _count_a_row_less(file: Path) -> None:
    def change(name: str, content: bytes) -> bytes:
        return content.replace(b'"rows": 2', b'"rows": 1', 1) if name == MANIFEST else content

    _rewrite(file, change)


def _claim_a_later_format(file: Path) -> None:
    def change(name: str, content: bytes) -> bytes:
        return json.dumps(json.loads(content) | {"format_version": 2}).encode() if name == MANIFEST else content

    _rewrite(file, change)


@pytest.mark.parametrize(
    "spoil",
    [
        _damage_bytes,
        _cut,
        _change_a_name,
        _leave_a_table_out,
        _add_a_member,
        _count_a_row_less,
        _claim_a_later_format,
        lambda file: file.write_bytes(b"no archive at all"),
        lambda file: file.write_bytes(b""),
        Path.unlink,
    ],
)
def test_damaged_archive_is_refused_and_live_rows_stay(filled, file, spoil):
    before = backup.content_hash(filled)
    spoil(file)

    with pytest.raises(InvalidInputError):
        _restore(filled, file, replace=True)

    assert backup.content_hash(filled) == before


def test_backup_overwrites_no_file(filled, file):
    before = file.read_bytes()

    with pytest.raises(InvalidInputError, match="already"):
        backup.dump(filled, file, at=AT)

    assert file.read_bytes() == before
    assert [path.name for path in file.parent.glob(".*partial")] == []


def test_backup_of_another_schema_is_refused(elsewhere, tmp_path):
    with pytest.raises(SchemaVersionError):
        backup.dump(elsewhere, tmp_path / "none.backup", at=AT)


def test_backup_of_a_schema_that_nobody_knows_is_refused(file, elsewhere):
    def change(name: str, content: bytes) -> bytes:
        if name != MANIFEST:
            return content
        manifest = backup.Manifest.from_json(content)
        return backup.Manifest("9999", manifest.created_at, manifest.tables).to_json().encode()

    _rewrite(file, change)

    with pytest.raises(InvalidInputError, match="does not know"):
        _restore(elsewhere, file)


def _as_written_by(older: Database, file: Path) -> int:
    """Turn a backup into one of an older schema: without the tables and columns that came later; return its rows."""
    with older.engine.connect() as connection:
        inspector = inspect(connection)
        columns = {name: {each["name"] for each in inspector.get_columns(name)} for name in inspector.get_table_names()}
        revision = schema.current_revision(older) or ""
    entries, members = [], {}
    with zipfile.ZipFile(file) as packed:
        manifest = backup.Manifest.from_json(packed.read(MANIFEST))
        for entry in manifest.tables:
            if entry.name in columns:
                lines = [json.loads(line) for line in packed.read(f"tables/{entry.name}.jsonl").splitlines()]
                kept = [place for place, (name, _) in enumerate(lines[0]) if name in columns[entry.name]]
                assert {lines[0][place][0] for place in kept} == columns[entry.name]
                content = "".join(json.dumps([line[place] for place in kept]) + "\n" for line in lines).encode()
                members[f"tables/{entry.name}.jsonl"] = content
                later = tuple(name for name in entry.later if name in columns[entry.name])
                entries.append(backup.TableEntry(entry.name, entry.rows, hashlib.sha256(content).hexdigest(), later))
    changed = backup.Manifest(revision, manifest.created_at, tuple(entries))
    with zipfile.ZipFile(file, "w") as packed:
        for name, content in members.items():
            packed.writestr(name, content)
        packed.writestr(MANIFEST, changed.to_json())
    return changed.rows


def test_backup_of_an_older_schema_is_migrated(file, elsewhere):
    schema.upgrade(elsewhere, "0017")
    rows = _as_written_by(elsewhere, file)

    report = _restore(elsewhere, file)

    assert report.rows == rows
    schema.check_schema(elsewhere)
    assert _count(elsewhere, Person) == 2


def test_rows_of_an_older_schema_replace_no_newer_ones(filled, file, elsewhere):
    schema.upgrade(elsewhere, "0017")
    _as_written_by(elsewhere, file)

    with pytest.raises(ConflictError, match="empty database"):
        _restore(filled, file, replace=True)


def test_writers_go_on_while_a_backup_is_written_and_it_shows_one_moment(filled, tmp_path):
    """Each writer adds a pair of notices at once, so that a backup with an odd number would be of two moments."""
    stop = threading.Event()
    written = []

    def write() -> None:
        while not stop.is_set():
            with filled.transaction() as session:
                for half in ("first", "second"):
                    session.add(Notice(person_id=1, at=AT, kind=half, text="A pair."))
                    session.flush()
            written.append(1)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        counts = []
        for number in range(5):
            path = tmp_path / f"{number}.backup"
            backup.dump(filled, path, at=AT)
            with backup.open_archive(path) as archive:
                archive.verify()
                kinds = [row["kind"] for row in archive.rows("notice")]
            counts.append((kinds.count("first"), kinds.count("second")))
    finally:
        stop.set()
        for writer in writers:
            writer.join()

    assert written
    assert all(first == second for first, second in counts)
