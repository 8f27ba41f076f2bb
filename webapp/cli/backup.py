"""``mainstay backup`` and ``mainstay restore``: every row in one archive, and back."""

from __future__ import annotations

from pathlib import Path

import click

from webapp.cli.console import cli, get_database, now, show
from webapp.cli.customers import describe_unknown
from webapp.errors import InvalidInputError
from webapp.services import backup as backups
from webapp.services.audit import Actor
from webapp.services.backup import Manifest

_FILE = click.Path(dir_okay=False, path_type=Path)


@cli.command()
@click.argument("file", type=_FILE)
@click.option(
    "--revocations", type=_FILE, help="Also write what has been revoked, for a later restore of older backups."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def backup(file: Path, revocations: Path | None, *, as_json: bool) -> None:
    """Write every row to FILE as it stands now, while Mainstay goes on working."""
    manifest = backups.dump(get_database(), file, at=now())
    if revocations is not None:
        with get_database().reading() as session:
            backups.write_revocations(revocations, backups.read_revocations(session))
    _show(manifest, f"Wrote {file}", as_json=as_json)


@cli.command("verify-backup")
@click.argument("file", type=_FILE)
@click.option("--sha256", help="The content hash that was printed when the backup was written.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify_backup(file: Path, sha256: str | None, *, as_json: bool) -> None:
    """Read FILE whole and check each table against its hash; nothing is written."""
    with backups.open_archive(file) as archive:
        archive.verify()
        _require_hash(archive.manifest, sha256)
        _show(archive.manifest, f"{file} is whole", as_json=as_json)


@cli.command()
@click.argument("file", type=_FILE)
@click.option("--replace", is_flag=True, help="Delete what the database holds now.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@click.option("--sha256", help="The content hash that was printed when the backup was written.")
@click.option("--revocations", type=_FILE, help="A list of what has been revoked since, from 'mainstay backup'.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def restore(
    file: Path, revocations: Path | None, sha256: str | None, *, replace: bool, yes: bool, as_json: bool
) -> None:
    """
    Write the rows of FILE into an empty database.

    Stop the servers and workers before. Everybody has to sign in again. API tokens that were revoked since the backup
    stay revoked, and customers who were erased stay erased; where neither the replaced database nor a list says which,
    all tokens are revoked, and customers have to be erased again by hand.
    """
    with backups.open_archive(file) as archive:
        _require_hash(archive.manifest, sha256)
        if replace and not yes:
            click.confirm("Everything that the database holds now will be deleted. Go on?", abort=True)
        report = backups.restore(
            get_database(),
            archive,
            replace=replace,
            known=None if revocations is None else backups.load_revocations(revocations),
            by=Actor(person_id=None, at=now(), channel="cli"),
        )
        result = {
            "rows": report.rows,
            "revoked_tokens": report.revoked_tokens,
            "erased_rows": report.erased_rows,
            "unknown_erasures": report.unknown_erasures,
        }
        show(
            result | {"content_hash": archive.manifest.content_hash},
            as_json=as_json,
            lines=[
                f"Restored {report.rows} rows; all sessions have ended.",
                f"Revoked {report.revoked_tokens} API tokens; erased {report.erased_rows} rows of customers again.",
                *describe_unknown(report.unknown_erasures),
            ],
        )


def _require_hash(manifest: Manifest, expected: str | None) -> None:
    if expected is not None and manifest.content_hash != expected.strip().lower():
        raise InvalidInputError(f"The backup has the hash {manifest.content_hash}, not the one that was asked for.")


def _show(manifest: Manifest, did: str, *, as_json: bool) -> None:
    tables = {each.name: each.rows for each in manifest.tables}
    show(
        {"revision": manifest.revision, "content_hash": manifest.content_hash, "rows": manifest.rows, "tables": tables},
        as_json=as_json,
        lines=[
            f"{did}: {manifest.rows} rows of {len(tables)} tables, schema {manifest.revision}.",
            manifest.content_hash,
        ],
    )
