"""Backup and restore: one archive of every row, checked by hash, for SQLite and PostgreSQL alike."""

from webapp.services.backup.archive import Archive, Manifest, TableEntry, open_archive
from webapp.services.backup.dumping import content_hash, dump
from webapp.services.backup.restoring import RestoreReport, restore
from webapp.services.backup.revocations import Revocations, load_revocations, read_revocations, write_revocations

__all__ = [
    "Archive",
    "Manifest",
    "RestoreReport",
    "Revocations",
    "TableEntry",
    "content_hash",
    "dump",
    "load_revocations",
    "open_archive",
    "read_revocations",
    "restore",
    "write_revocations",
]
