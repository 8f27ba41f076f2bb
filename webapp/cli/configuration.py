"""``mainstay config``: what is set up here as a file, and back, such as from staging to production."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from webapp.cli.console import cli, cli_actor, get_config, get_database, show
from webapp.errors import ConflictError, InvalidInputError
from webapp.services import configuration
from webapp.services.configuration import SECTIONS, Change, Comparison, Entry
from webapp.services.outgoing import Gate
from webapp.services.secrets import SecretBox

MOST_BYTES = 64 * 1024 * 1024


@cli.group()
def config() -> None:
    """Take the configuration out as a file, and bring one in."""


@config.command("export")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--only", multiple=True, type=click.Choice(list(SECTIONS)), help="A section; may be given several times.")
@click.option("--force", is_flag=True, help="Write over FILE.")
def export_command(file: Path, only: tuple[str, ...], *, force: bool) -> None:
    """
    Write catalogue, types, roles, policies, rules and connected systems to FILE; '-' prints them.

    Neither secrets nor people are in it.
    """
    with get_database().reading() as session:
        text = configuration.render(configuration.export(session, only=only))
    if str(file) == "-":
        click.echo(text, nl=False)
        return
    if file.exists() and not force:
        raise InvalidInputError(f"There is a file {file} already; --force writes over it.")
    # Whoever reads it meanwhile, or is interrupted, finds the old file or the new one.
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)


@config.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show what would change; all checks are made.")
@click.option("--yes", is_flag=True, help="Do not ask before changing anything.")
@click.option("--as", "email", metavar="EMAIL", help="Who does it; without it the system itself.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; with it, --yes or --dry-run is needed.")
def import_command(file: Path, *, dry_run: bool, yes: bool, email: str | None, as_json: bool) -> None:
    """
    Bring in what FILE says: all of it or nothing, after showing what differs.

    What FILE does not have stays as it is.  A second time there is nothing to change.
    """
    if as_json and not (dry_run or yes):
        raise click.UsageError("With --json say --yes or --dry-run.")
    if file.stat().st_size > MOST_BYTES:
        raise InvalidInputError(f"{file} is larger than {MOST_BYTES // 2**20} MB.")
    schemas = {name: section.schema for name, section in SECTIONS.items()}
    try:
        wanted = configuration.parse(file.read_text(encoding="utf-8-sig"), schemas=schemas)
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"$: {file} is not in UTF-8.") from error
    comparison, notes = _apply(wanted, email, keep=False)
    if not (dry_run or as_json):
        show({}, as_json=False, lines=_lines(comparison))
    if comparison.changes and not dry_run:
        # Nothing is locked while somebody reads and thinks; what changes meanwhile is looked at anew.
        if not yes and not click.confirm("Change this?"):
            sys.exit(1)
        comparison, notes = _apply(wanted, email, keep=True, shown=comparison)
    done = ["Done.", *notes] if comparison.changes else []
    show(_as_json(comparison, notes, dry_run=dry_run), as_json=as_json, lines=_lines(comparison) if dry_run else done)


def _apply(
    wanted: Mapping[str, Sequence[Entry]], email: str | None, *, keep: bool, shown: Comparison | None = None
) -> tuple[Comparison, list[str]]:
    settings = get_config()
    gate = Gate.parse(settings.outgoing_allow, ca_file=settings.outgoing_ca_file)
    box = SecretBox(settings.secret_key, previous=settings.previous_secret_keys)
    with get_database().writing() as session:
        done = configuration.apply(session, wanted, box=box, gate=gate, by=cli_actor(session, email))
        if shown is not None and done[0] != shown:
            raise ConflictError("Somebody changed the configuration meanwhile; nothing was done. Look at it again.")
        if keep:
            session.commit()
        else:
            session.rollback()
    return done


def _as_json(comparison: Comparison, notes: list[str], *, dry_run: bool) -> dict[str, object]:
    return {
        "applied": not dry_run and bool(comparison.changes),
        "changes": [
            {"section": each.section, "key": each.key, "new": each.before is None, "fields": each.fields}
            for each in comparison.changes
        ],
        "only_here": [{"section": section, "key": key} for section, key in comparison.only_here],
        "notes": notes,
    }


def _lines(comparison: Comparison) -> list[str]:
    lines = []
    for change in comparison.changes:
        lines += _change_lines(change)
    if not comparison.changes:
        lines.append("Nothing differs.")
    lines += [f"  {section} {key}: only here, stays" for section, key in comparison.only_here]
    return lines


def _change_lines(change: Change) -> list[str]:
    if change.before is None:
        return [f"+ {change.section} {change.key}"]
    return [
        f"~ {change.section} {change.key}",
        *(f"    {name}: {_short(before)} → {_short(after)}" for name, (before, after) in change.fields.items()),
    ]


def _short(value: object) -> str:
    text = "nothing" if value in (None, "", [], {}) else str(value)
    return text if len(text) <= 160 else f"{text[:157]}…"
