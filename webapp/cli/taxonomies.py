"""``mainstay taxonomy``: releases of ESCO and O*NET, from the console."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from webapp.cli.console import cli, cli_actor, get_database, show
from webapp.models import ChangeKind, TaxonomyCode
from webapp.services.taxonomies import browsing, history, releases
from webapp.services.taxonomies.archive import Files, read_folder, read_zip
from webapp.services.taxonomies.attribution import PUBLICATIONS
from webapp.services.taxonomies.difference import Change, Difference
from webapp.services.taxonomies.draft import ReleaseDraft
from webapp.services.taxonomies.problems import ReleaseRefusedError

_SHOWN_CHANGES = 10
_SHOWN_PROBLEMS = 20


@cli.group("taxonomy")
def taxonomy() -> None:
    """Import releases of published vocabularies of skills, list them, search them."""


@taxonomy.command("import")
@click.argument("code", metavar="esco|onet", type=click.Choice([code.value for code in TaxonomyCode]))
@click.argument("path", metavar="FOLDER", type=click.Path(exists=True, path_type=Path))
@click.option("--release", "name", required=True, help="Which release it is, such as 1.2.")
@click.option("--apply", "confirmed", is_flag=True, help="Apply the release; without it the difference is only shown.")
@click.option("--as", "email", metavar="EMAIL", help="Who imports; the operator of the console if not given.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def import_release(code: str, path: Path, *, name: str, confirmed: bool, email: str | None, as_json: bool) -> None:
    """
    Show what the files in a folder or ZIP archive would change, and apply them with --apply.

    A release is applied whole or not at all; one that changes nothing is not applied. Exit code 1 if it is refused.
    """
    chosen = TaxonomyCode(code)
    try:
        files = read_folder(path) if path.is_dir() else read_zip(path.name, path.read_bytes())
        with get_database().reading() as session:
            base = releases.current_release(session, releases.find_taxonomy(session, chosen))
            base_id = base.id if base else None
            draft, difference = releases.compare_files(session, chosen, files)
    except ReleaseRefusedError as error:
        problems = [problem.as_json() for problem in error.problems]
        lines = [str(problem) for problem in error.problems[:_SHOWN_PROBLEMS]]
        show({"applied": False, "problems": problems}, as_json=as_json, lines=[*lines, "Nothing was written."])
        sys.exit(1)
    applied = confirmed and not difference.is_empty
    if applied:
        _apply(chosen, name, path, files, draft, difference, base_id=base_id, email=email)
    result = {
        "applied": applied,
        "counts": difference.counts(),
        "files": [file.as_json() for file in draft.files],
        "unused": draft.unused,
        "missing": draft.missing,
        "problems": [],
    }
    show(result, as_json=as_json, lines=_lines(draft, difference, applied=applied))


def _apply(
    code: TaxonomyCode,
    name: str,
    path: Path,
    files: Files,
    draft: ReleaseDraft,
    difference: Difference,
    *,
    base_id: int | None,
    email: str | None,
) -> None:
    with get_database().transaction() as session:
        by = cli_actor(session, email)
        release = releases.take_release(
            session, code=code, name=name, file_name=path.name, files=files, content=None, by=by
        )
        releases.apply_release(session, release, draft, difference, base_id=base_id, by=by)


def _lines(draft: ReleaseDraft, difference: Difference, *, applied: bool) -> list[str]:
    lines = []
    for file in draft.files:
        left = "".join(f"; {count:,} {reason}" for reason, count in file.left_out.items() if count)
        lines.append(f"{file.name}: {file.title}, {file.used:,} of {file.rows:,} rows{left}")
    if draft.unused:
        lines.append(f"Not used: {', '.join(draft.unused)}")
    if draft.missing:
        lines.append(f"Missing: {', '.join(draft.missing)}; what they would list stays as it is.")
    if difference.is_empty:
        return [*lines, "Nothing changes: all of this is there already."]
    lines.append(
        ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in difference.counts().items() if count)
    )
    for kind in ChangeKind:
        some = [change for change in difference.changes if change.kind is kind]
        if kind in {ChangeKind.REWORDED, ChangeKind.RELINKED}:
            continue
        lines += [f"  {kind.value}: {_words(change)}" for change in some[:_SHOWN_CHANGES]]
        if len(some) > _SHOWN_CHANGES:
            lines.append(f"  … and {len(some) - _SHOWN_CHANGES:,} more {kind.value}")
    if applied:
        return [*lines, "Applied."]
    return [*lines, "Nothing was written. Run it again with --apply to apply it."]


def _words(change: Change) -> str:
    if change.kind is ChangeKind.RELABELLED:
        return f"{change.before} → {change.after}"
    if change.kind is ChangeKind.MOVED:
        return f"{change.label}: {change.before or 'nothing'} → {change.after or 'nothing'}"
    return change.label


@taxonomy.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
def list_taxonomies(*, as_json: bool) -> None:
    """List the taxonomies with their releases and the number of concepts."""
    with get_database().reading() as session:
        result: dict[str, Any] = {}
        lines = []
        for code in TaxonomyCode:
            found = releases.find_taxonomy(session, code)
            current = releases.current_release(session, found)
            if found is None or current is None:
                continue
            counts = {kind.value: count for kind, count in browsing.count_kinds(session, found).items()}
            listed = [
                {"name": release.name, "state": release.state.value, "applied_at": release.applied_at}
                for release in history.list_releases(session, found)
            ]
            result[code.value] = {"release": current.name, "concepts": counts, "releases": listed}
            total = ", ".join(f"{count:,} {kind}" for kind, count in counts.items())
            lines += [f"{PUBLICATIONS[code].name} {current.name}: {total}", f"  {PUBLICATIONS[code].attribution}"]
    show(result, as_json=as_json, lines=lines or ["No taxonomy is imported yet."])


@taxonomy.command("search")
@click.argument("code", metavar="esco|onet", type=click.Choice([code.value for code in TaxonomyCode]))
@click.argument("text")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "as_json", is_flag=True, help="Print the hits as JSON.")
def search(code: str, text: str, *, limit: int, as_json: bool) -> None:
    """Find concepts by name or synonym; typing errors are forgiven."""
    with get_database().reading() as session:
        found = releases.get_taxonomy(session, code)
        hits = browsing.search_concepts(session, found, text, limit=limit)
        rows = [{"label": hit.label, "kind": hit.kind.value, "code": hit.code, "uri": hit.uri} for hit in hits]
    lines = [f"{row['label']} ({row['kind']}) {row['uri']}" for row in rows]
    show({"hits": rows}, as_json=as_json, lines=lines or ["Nothing found. Try fewer letters."])
