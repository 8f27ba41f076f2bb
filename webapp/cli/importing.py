"""``mainstay import``: files in, from the console."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.cli.console import cli, cli_actor, get_database, now, show
from webapp.errors import DependencyError, NotFoundError
from webapp.jobs.staged import StagedImport
from webapp.models import ImportBatch, ImportKind, Site
from webapp.services import jobs
from webapp.services.audit import Actor
from webapp.services.call_replay import replay_day
from webapp.services.importing import batches, running, templates, undoing
from webapp.services.importing.call_log.presets import list_presets
from webapp.services.importing.kinds import KINDS
from webapp.services.importing.problems import FileRefusedError, Problem
from webapp.services.importing.reading import ENCODINGS, MAX_FILE_BYTES
from webapp.services.importing.running import ImportRefusedError, Report, Source
from webapp.services.importing.shift_difference import Missing, ShiftDifference

_SHOWN_PROBLEMS = 20
_EVERY_ROWS = 10_000


@cli.group("import")
def importing() -> None:
    """
    Import people, skills, records, shifts, engagement types, engagements, forecasts and call logs.

    A file is imported whole or not at all; the same file again changes nothing. Exit code 1 if it is refused.
    """


def _parse_mapping(_context: click.Context, _parameter: click.Parameter, pairs: tuple[str, ...]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        column, separator, header = pair.partition("=")
        if not separator:
            raise click.BadParameter(f"{pair!r} is not column=header.")
        mapping[column.strip()] = header.strip()
    return mapping


def _common(command: Any) -> Any:
    for option in (
        click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path)),
        click.option("--dry-run", is_flag=True, help="Check the file and write nothing."),
        click.option("--site", "site_code", help="Code of the site for rows that name none."),
        click.option(
            "--map",
            "mapping",
            multiple=True,
            callback=_parse_mapping,
            metavar="COLUMN=HEADER",
            help="Which header of the file holds a column; may be given several times.",
        ),
        click.option("--encoding", type=click.Choice(ENCODINGS), help="Encoding of a CSV file that is not UTF-8."),
        click.option(
            "--errors",
            "errors_path",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write each problem and each rejected row to this CSV file.",
        ),
        click.option("--as", "email", metavar="EMAIL", help="Who imports; the operator of the console if not given."),
        click.option("--json", "as_json", is_flag=True, help="Print the report as JSON."),
    ):
        command = option(command)
    return command


def import_file(
    kind: ImportKind,
    path: Path,
    *,
    dry_run: bool,
    site_code: str | None,
    mapping: dict[str, str],
    email: str | None,
    options: dict[str, Any],
    errors_path: Path | None,
    as_json: bool,
) -> None:
    """Check or apply a file, print the report, and end with exit code 1 if it is refused."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise click.ClickException(f"{path.name} is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB.")
    options = KINDS[kind].prepare_options({name: value for name, value in options.items() if value is not None})
    batch_id = None
    try:
        if dry_run:
            with get_database().reading() as session:
                source = _source(session, kind, path, site_code, mapping, options)
                report = running.run(
                    session, source, viewer=None, by=cli_actor(session, email), progress=_progress(quiet=as_json)
                )
        else:
            apply = _apply_staged if KINDS[kind].staged else _apply_whole
            batch_id, report = apply(
                kind, path, site_code=site_code, mapping=mapping, options=options, email=email, quiet=as_json
            )
    except ImportRefusedError as error:
        report = error.report
    except FileRefusedError as error:
        report = Report(kind, problems=[error.problem], problem_count=1)
    if errors_path is not None:
        _write_problems(errors_path, [*report.problems, *report.rejected])
    result = {"import": batch_id, "applied": batch_id is not None, "dry_run": dry_run, **report.as_json()}
    show(result, as_json=as_json, lines=_lines(report, batch_id, dry_run=dry_run))
    if not report.sound:
        sys.exit(1)


def _apply_whole(kind: ImportKind, path: Path, *, email: str | None, quiet: bool, **choices: Any) -> tuple[int, Report]:
    with get_database().transaction() as session:
        by = cli_actor(session, email)
        batch = _upload(session, kind, path, by=by, **choices)
        report = batches.apply(session, batch, viewer=None, by=by, progress=_progress(quiet=quiet))
        return batch.id, report


def _apply_staged(
    kind: ImportKind, path: Path, *, email: str | None, quiet: bool, **choices: Any
) -> tuple[int, Report]:
    database, owner = get_database(), f"console:{os.getpid()}:{secrets.token_hex(4)}"
    with database.transaction() as session:
        by = cli_actor(session, email)
        batch = _upload(session, kind, path, by=by, **choices)
        # If this command is killed, a worker finishes or clears away what it left.
        job = jobs.enqueue(session, batches.FINISH_JOB, {"import_id": batch.id}, by=by)
        jobs.hold(session, job, owner=owner, at=by.at)
        batch.job_id = job.id
        batch_id, job_id = batch.id, job.id

    def guard(session: Session) -> None:
        jobs.beat(session, job_id, owner=owner, at=now())

    def complete(session: Session) -> None:
        jobs.complete(session, job_id, owner=owner, at=now(), result={"import_id": batch_id})

    staged = StagedImport(database, batch_id, viewer=None, by=by, guard=guard, progress=_progress(quiet=quiet))
    try:
        report = staged.write()
    except ImportRefusedError as error:
        with database.transaction() as session:
            batches.keep_check(session, session.get_one(ImportBatch, batch_id), error.report, by=by)
            complete(session)
        raise
    staged.project(at_end=complete)
    return batch_id, report


def _upload(
    session: Session,
    kind: ImportKind,
    path: Path,
    *,
    site_code: str | None,
    mapping: dict[str, str],
    options: dict[str, Any],
    by: Actor,
) -> ImportBatch:
    source = _source(session, kind, path, site_code, mapping, options)
    batch = batches.upload(
        session,
        kind=kind,
        file_name=path.name,
        content=path.read_bytes(),
        site=source.site,
        options=options,
        mapping=source.mapping,
        viewer=None,
        by=by,
    )
    # The file is in the database now; a long one need not stay in memory beside it.
    session.flush()
    session.expire(batch, ["content"])
    return batch


def _source(
    session: Session,
    kind: ImportKind,
    content: Path,
    site_code: str | None,
    mapping: dict[str, str],
    options: dict[str, Any],
) -> Source:
    site = None
    if site_code is not None:
        site = session.scalar(select(Site).where(Site.code == site_code))
        if site is None:
            raise NotFoundError(f"There is no site {site_code}. Add it first: mainstay site add.")
    source = Source(kind, content, site=site, options=options)
    suggested = running.suggest(session, source, source.read())
    # A header that is mapped by hand is taken from the column that it was guessed for.
    kept = {column: header for column, header in suggested.items() if header not in mapping.values()}
    return Source(kind, content, mapping={**kept, **mapping}, site=site, options=options)


def _progress(*, quiet: bool) -> Any:
    if quiet or not sys.stderr.isatty():
        return None

    def report(rows: int) -> None:
        if rows % _EVERY_ROWS == 0:
            click.echo(f"  {rows:,} rows", err=True)

    return report


def _lines(report: Report, batch_id: int | None, *, dry_run: bool) -> list[str]:
    lines = [f"{KINDS[report.kind].title}: {report.rows:,} rows."]
    lines += [f"  {number:6,}  {category}" for category, number in report.categories.items()]
    for name, tally in report.tallies.items():
        removed = f", {tally.removed:,} removed" if tally.removed else ""
        lines.append(
            f"  {name.replace('_', ' ')}: {tally.new:,} new, {tally.changed:,} changed, {tally.unchanged:,} unchanged"
            f"{removed}"
        )
    if report.difference is not None and report.sound:
        lines += _difference_lines(report.difference)
    lines += [f"  {note}" for note in report.notes]
    lines += [_line(problem) for problem in report.problems[:_SHOWN_PROBLEMS]]
    if report.problem_count > _SHOWN_PROBLEMS:
        lines.append(f"  … and {report.problem_count - _SHOWN_PROBLEMS:,} more; --errors FILE or --json lists them.")
    if report.rejected:
        lines.append(
            f"  {len(report.rejected):,} rows became nothing; --errors FILE or --json lists each with its reason."
        )
    if not report.sound:
        lines.append(f"Refused: {report.problem_count:,} problems. Nothing was written.")
    elif dry_run:
        lines.append("The file can be imported. Nothing was written.")
    else:
        lines.append(f"Imported as {batch_id}; mainstay import undo {batch_id} takes it back.")
    return lines


def _difference_lines(difference: ShiftDifference) -> list[str]:
    """Return how a file of shifts differs from the roster, what it covers, and which plans it touches."""
    counts = difference.counts
    kept = difference.missing is Missing.KEEP
    gone = f" ({'kept' if kept else 'removed'})" if counts["gone"] else ""
    told = ", ".join(f"{counts[name]:,} {name}" for name in ("added", "moved", "changed", "gone"))
    lines = [f"  against the roster: {told} from the file{gone}"]
    for span in difference.spans:
        teams = f" of {', '.join(span.teams)}" if span.teams else ""
        people = f"{span.people:,} {'person' if span.people == 1 else 'people'}"
        lines.append(f"  covers {span.site}, {span.first_on} to {span.last_on}: {people}{teams}")
    lines += [
        f"  touches {f'plan {plan.plan_id}' if plan.plan_id else f'run {plan.run_id}'} of {plan.site}, {plan.day_on}: "
        f"{plan.uncovered:,} of {plan.assignments:,} assignments of {plan.people:,} agents not covered any more"
        for plan in difference.plans
    ]
    return lines


def _line(problem: Problem) -> str:
    place = f"row {problem.row}" if problem.row else "file"
    column = f", {problem.column}" if problem.column else ""
    value = f" “{problem.value}”" if problem.value else ""
    accepted = f" Accepted: {problem.accepted}" if problem.accepted else ""
    return f"  {place}{column}{value}: {problem.message}{accepted}"


def _write_problems(path: Path, problems: list[Problem]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "column", "value", "code", "message", "accepted"])
        for problem in problems:
            writer.writerow(
                [problem.row, problem.column, problem.value, problem.code, problem.message, problem.accepted]
            )


def _add_command(kind: ImportKind) -> None:
    @importing.command(kind.value, help=KINDS[kind].about)
    @_common
    def command(
        *,
        path: Path,
        dry_run: bool,
        site_code: str | None,
        mapping: dict[str, str],
        encoding: str | None,
        errors_path: Path | None,
        email: str | None,
        as_json: bool,
    ) -> None:
        import_file(
            kind,
            path,
            dry_run=dry_run,
            site_code=site_code,
            mapping=mapping,
            email=email,
            options={"encoding": encoding},
            errors_path=errors_path,
            as_json=as_json,
        )


for _kind in KINDS:
    if _kind not in {ImportKind.ACD_LOG, ImportKind.SHIFTS}:
        _add_command(_kind)


@importing.command(ImportKind.SHIFTS.value, help=KINDS[ImportKind.SHIFTS].about)
@_common
@click.option(
    "--remove-missing",
    "missing",
    type=click.Choice([each.value for each in Missing if each is not Missing.KEEP]),
    help="Remove stored shifts that the file lacks, within its days: of the people in it, of everybody in their teams, "
    "or of everybody at their sites. Kept if not given.",
)
def shifts(
    *,
    path: Path,
    dry_run: bool,
    site_code: str | None,
    mapping: dict[str, str],
    encoding: str | None,
    errors_path: Path | None,
    email: str | None,
    as_json: bool,
    missing: str | None,
) -> None:
    """Import shifts."""
    import_file(
        ImportKind.SHIFTS,
        path,
        dry_run=dry_run,
        site_code=site_code,
        mapping=mapping,
        email=email,
        options={"encoding": encoding, "missing": missing},
        errors_path=errors_path,
        as_json=as_json,
    )


@importing.command(ImportKind.ACD_LOG.value, help=KINDS[ImportKind.ACD_LOG].about)
@_common
@click.option(
    "--preset", type=click.Choice(list_presets()), help="How the log is written; found by its headers if not given."
)
@click.option(
    "--evidence-before",
    metavar="DATE",
    help="Contacts from this day on are kept, but are no evidence of skill or handle time: to judge a plan of it.",
)
@click.option(
    "--as-items",
    "items_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the contacts of --day as items with known arrival to this problem file, for benchmarks.",
)
@click.option("--day", type=click.DateTime(formats=["%Y-%m-%d"]), help="The day of --as-items.")
def acd_log(
    *,
    path: Path,
    dry_run: bool,
    site_code: str | None,
    mapping: dict[str, str],
    encoding: str | None,
    errors_path: Path | None,
    email: str | None,
    as_json: bool,
    preset: str | None,
    evidence_before: str | None,
    items_path: Path | None,
    day: dt.datetime | None,
) -> None:
    """Import a call log."""
    if items_path is not None and (day is None or site_code is None or dry_run):
        raise click.UsageError("--as-items needs --site and --day, and the log imported: no --dry-run.")
    import_file(
        ImportKind.ACD_LOG,
        path,
        dry_run=dry_run,
        site_code=site_code,
        mapping=mapping,
        email=email,
        options={"encoding": encoding, "preset": preset, "evidence_before": evidence_before},
        errors_path=errors_path,
        as_json=as_json,
    )
    if items_path is not None and day is not None and site_code is not None:
        with get_database().reading() as session:
            site = session.scalars(select(Site).where(Site.code == site_code)).one()
            problem = replay_day(session, site, day.date())
        items_path.write_text(json.dumps(problem.to_json(), indent=1), encoding="utf-8")
        click.echo(f"Wrote {len(problem.engagements):,} items to {items_path}.", err=as_json)


@importing.command()
@click.argument("batch_id", type=int, metavar="IMPORT")
@click.option("--as", "email", metavar="EMAIL", help="Who undoes it; the operator of the console if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def undo(*, batch_id: int, email: str | None, as_json: bool) -> None:
    """Take IMPORT back, unless later changes depend on it; they are named then, and nothing is undone."""
    try:
        with get_database().transaction() as session:
            batch = session.get(ImportBatch, batch_id)
            if batch is None:
                raise NotFoundError(f"There is no import {batch_id}.")
            count = undoing.undo(session, batch, viewer=None, by=cli_actor(session, email))
    except DependencyError as error:
        show(
            {"import": batch_id, "undone": False, "rows": list(error.rows)},
            as_json=as_json,
            lines=[str(error), *(f"  {row}" for row in error.rows)],
        )
        sys.exit(1)
    show(
        {"import": batch_id, "undone": True, "count": count},
        as_json=as_json,
        lines=[f"Import {batch_id} is undone: {count:,} database rows."],
    )


@importing.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_imports(*, as_json: bool) -> None:
    """List the imports, newest first."""
    with get_database().reading() as session:
        found = session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc()).limit(100)).all()
        rows = [
            {"import": b.id, "kind": b.kind.value, "state": b.state.value, "file": b.file_name, "at": b.created_at}
            for b in found
        ]
    show({"imports": rows}, as_json=as_json, lines=[" ".join(str(value) for value in row.values()) for row in rows])


@importing.command()
@click.argument("kind", type=click.Choice([kind.value for kind in KINDS]))
@click.argument("path", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path))
def template(kind: str, path: Path) -> None:
    """Write a template of KIND to FILE, as XLSX or CSV by its name."""
    make = templates.template_xlsx if path.suffix.lower() == ".xlsx" else templates.template_csv
    path.write_bytes(make(ImportKind(kind)))
    click.echo(f"Wrote {path}.")
