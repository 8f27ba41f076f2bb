"""``mainstay export``: files out, in the form in which they come in."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path

import click

from webapp.cli.console import SYSTEM, cli, get_database, now
from webapp.models import ImportKind
from webapp.services.exporting.formats import Format
from webapp.services.exporting.kinds import EXPORTS, export


@cli.command("export")
@click.argument("kind", type=click.Choice([kind.value for kind in EXPORTS]))
@click.option(
    "--format", "form", type=click.Choice([form.value for form in Format]), default=Format.CSV.value, show_default=True
)
@click.option(
    "--output",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file; to standard output if not given.",
)
@click.option(
    "--on", "day", type=click.DateTime(formats=["%Y-%m-%d"]), help="Day whose levels count; today if not given."
)
def export_rows(*, kind: str, form: str, path: Path | None, day: dt.datetime | None) -> None:
    """
    Write all rows of KIND as a file that `mainstay import` reads back.

    The file has the columns of the import. Files that support skill events, accounts and plans are not part of it.
    """
    on = day.date() if day is not None else now().date()
    with get_database().reading() as session:
        if path is None:
            export(session, ImportKind(kind), Format(form), sys.stdout.buffer, viewer=SYSTEM, on=on)
            return
        partial = path.with_name(f"{path.name}.part")
        with partial.open("wb") as target:
            count = export(session, ImportKind(kind), Format(form), target, viewer=SYSTEM, on=on)
    # Whoever looks at the file sees all of it or the one from before.
    partial.replace(path)
    click.echo(f"Wrote {count:,} rows to {path}.", err=True)
