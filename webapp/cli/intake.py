"""``mainstay intake``: a folder of files in, and how good a classification is."""

from __future__ import annotations

import csv
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click
from sqlalchemy import select

from webapp.cli.console import cli, get_database, show
from webapp.cli.drop_folder import DropFolder
from webapp.cli.importing import import_file
from webapp.errors import MainstayError, NotFoundError
from webapp.models import ImportBatch, ImportKind, ImportState, Site
from webapp.services.intake import evaluating, mapping
from webapp.services.intake.evaluating import Evaluation, Labelled

_KINDS: dict[str, str] = {
    "engagements": ImportKind.ENGAGEMENTS.value,
    "contacts": ImportKind.ACD_LOG.value,
    **{kind.value: kind.value for kind in ImportKind if kind.value in {"feedback", "praise"}},
}


@cli.group()
def intake() -> None:
    """Take in work from files, and try a classification out."""


@intake.command()
@click.argument("path", metavar="PATH", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--site", "site_code", required=True, help="Code of the site for rows that name none.")
@click.option("--kind", type=click.Choice(list(_KINDS)), default="engagements", show_default=True)
@click.option("--once/--watch", default=True, help="Take what is there and end, or go on looking.  [default: once]")
@click.option(
    "--every", type=click.FloatRange(0.2, 3600), default=5.0, show_default=True, help="Seconds between looks."
)
@click.option(
    "--settle", type=click.FloatRange(0, 600), default=2.0, show_default=True, help="Seconds a file must rest."
)
@click.option("--as", "email", metavar="EMAIL", help="Who imports; the operator of the console if not given.")
@click.option("--preset", help="How a call log is written; found by its headers if not given.")
def folder(
    *,
    path: Path,
    site_code: str,
    kind: str,
    once: bool,
    every: float,
    settle: float,
    email: str | None,
    preset: str | None,
) -> None:
    """
    Import each file that is put into PATH, once.

    A file goes to PATH/done, or to PATH/failed with its problems in a CSV beside it. The same content again changes
    nothing. Whoever writes files should write them under a name that begins with a point and rename them.
    """
    import_kind = ImportKind(_KINDS[kind])
    _require_site(site_code)

    def take(file: Path, report: Path) -> bool:
        return _import(import_kind, file, report, site_code=site_code, email=email, preset=preset)

    watched = DropFolder(path, take, lambda digest: _is_known(import_kind, digest, site_code), settle_seconds=settle)
    with watched.held():
        while True:
            imported, failed = watched.run_once()
            if once:
                break
            time.sleep(every)
    click.echo(f"{imported} imported, {failed} failed.")
    if failed:
        sys.exit(1)


def _require_site(code: str) -> None:
    with get_database().reading() as session:
        if session.scalar(select(Site.id).where(Site.code == code)) is None:
            raise NotFoundError(f"There is no site {code}. Add it first: mainstay site add.")


def _is_known(kind: ImportKind, digest: str, site_code: str) -> bool:
    with get_database().reading() as session:
        found = session.scalar(
            select(ImportBatch.id)
            .join(Site, Site.id == ImportBatch.site_id)
            .where(
                ImportBatch.kind == kind,
                ImportBatch.file_digest == digest,
                ImportBatch.state == ImportState.APPLIED,
                Site.code == site_code,
            )
            .limit(1)
        )
    return found is not None


def _import(
    kind: ImportKind, file: Path, report: Path, *, site_code: str, email: str | None, preset: str | None
) -> bool:
    options = {"encoding": None, **({"preset": preset} if kind is ImportKind.ACD_LOG else {})}
    click.echo(f"{file.name}:")
    try:
        import_file(
            kind,
            file,
            dry_run=False,
            site_code=site_code,
            mapping={},
            email=email,
            options=options,
            errors_path=report,
            as_json=False,
        )
    except SystemExit:
        return False
    except (MainstayError, click.ClickException) as error:
        with report.open("w", newline="", encoding="utf-8") as target:
            csv.writer(target).writerows([["message"], [str(error)]])
        click.echo(f"  {error}", err=True)
        return False
    # A file that went through has nothing to report but the rows that a call log left out.
    if report.exists() and len(report.read_text(encoding="utf-8").splitlines()) <= 1:
        report.unlink()
    return True


@intake.command()
@click.argument("path", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--rules",
    "rules_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="JSON",
    help="A mapping whose rules are tried; otherwise they are derived from half of the texts.",
)
@click.option("--text", "text_column", default="text", show_default=True, help="Column of the text.")
@click.option("--label", "label_column", default="category", show_default=True, help="Column of its type.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(*, path: Path, rules_path: Path | None, text_column: str, label_column: str, as_json: bool) -> None:
    """Try rules and the learner on the labelled texts of FILE: one half to learn from, the other to be tested on."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = {text_column, label_column} - set(reader.fieldnames or ())
        if missing:
            raise click.ClickException(f"{path.name} has no column {' and '.join(sorted(missing))}.")
        texts: list[Labelled] = [(row[text_column] or "", row[label_column] or "") for row in reader]
    first, second = evaluating.halves(texts)
    if not second:
        raise click.ClickException(f"{path.name} holds too few texts to keep half of them for the test.")
    if rules_path is None:
        rules = evaluating.derive_rules(first)
    else:
        rules = mapping.from_json(json.loads(rules_path.read_text(encoding="utf-8"))).rules
    found = {
        "rules": evaluating.evaluate(evaluating.rule_judge(rules), second),
        "learner": evaluating.evaluate(evaluating.learned_judge(first), second),
    }
    result = {
        "learnt_from": len(first),
        "types": len({label for _, label in texts}),
        "rule_count": len(rules),
        **{name: evaluating.as_json(evaluation) for name, evaluation in found.items()},
    }
    lines = [f"{len(first):,} texts to learn from, {len(second):,} to be tested on, {result['types']} types."]
    for name, evaluation in found.items():
        title = f"{len(rules)} rules" if name == "rules" else "Naive Bayes (only suggests)"
        lines += _lines(title, evaluation)
    show(result, as_json=as_json, lines=lines)


def _lines(title: str, evaluation: Evaluation) -> Sequence[str]:
    return [
        f"{title}: {evaluation.accuracy:.1%} right, whatever the confidence",
        *(
            f"  from {threshold:.1f} on: {coverage:6.1%} decided, {accuracy:6.1%} of these right"
            for threshold, coverage, accuracy in evaluation.at
        ),
        "  most often mistaken:",
        *(f"    {count:3}  {label} taken for {taken}" for label, taken, count in evaluation.confused[:10]),
    ]
