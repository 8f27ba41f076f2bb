"""How a file of shifts differs from the roster, and what becomes of the shifts that it lacks."""

from __future__ import annotations

import datetime as dt

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.imports.forms import MissingForm
from webapp.blueprints.imports.views import blueprint, check_again, get_import
from webapp.errors import NotFoundError
from webapp.models import ImportBatch, ImportKind, ImportState
from webapp.services.access import Permission
from webapp.services.importing import batches, shift_listing
from webapp.services.importing.shift_difference import Change
from webapp.services.importing.shift_listing import ListedShift, ShiftFilter
from webapp.web.arguments import choice_argument, day_argument
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, get_session
from webapp.web.tables import csv_response, page_from_request

CHANGE_WORDS = {
    Change.ADDED: ("Added", "good", "plus-circle"),
    Change.MOVED: ("Moved", "info", "arrow-left-right"),
    Change.CHANGED: ("Changed", "info", "pencil"),
    Change.GONE: ("Gone from the file", "warn", "dash-circle"),
}
_OPEN = frozenset({ImportState.UPLOADED, ImportState.CHECKED, ImportState.REFUSED})


@blueprint.get("/<int:batch_id>/difference")
@requires(Permission.IMPORT_FILES)
def difference(batch_id: int) -> ResponseReturnValue:
    """Show the difference by person and day, as a page or as CSV."""
    watch(f"import:{batch_id}")
    batch = _get_shifts(batch_id)
    if batch.difference is None:
        return redirect(url_for(".show", batch_id=batch_id))
    return _render(batch, MissingForm(formdata=None, missing=batch.options.get("missing")))


def _render(batch: ImportBatch, form: MissingForm, status: int = 200) -> ResponseReturnValue:
    if request.args.get("format") == "csv" and request.args.get("table") == "plans":
        return _plans_csv(batch)
    session = get_session()
    only = ShiftFilter(
        text=request.args.get("q", "").strip(),
        change=choice_argument("change", Change),
        site=request.args.get("site", ""),
        day_on=day_argument(),
    )
    found = shift_listing.list_differences(session, batch, only=only, sort=request.args.get("sort", "day"))
    if request.args.get("format") == "csv":
        return _csv(batch, found)
    summary, page = batch.report["difference"], page_from_request(len(found), size=100)
    job = batches.find_job(session, batch)
    return (
        render_template(
            "imports/difference.html",
            batch=batch,
            summary=summary,
            plans=[{**each, "day_on": dt.date.fromisoformat(each["day_on"])} for each in summary["plans"]],
            spans=[
                {**each, **{name: dt.date.fromisoformat(each[name]) for name in ("first_on", "last_on")}}
                for each in summary["spans"]
            ],
            rows=shift_listing.by_day(found[page.offset : page.offset + page.size]),
            page=page,
            unlisted=(batch.difference or {})["all"] - len((batch.difference or {})["listed"]),
            changes=CHANGE_WORDS,
            change_choices=[(change.value, word) for change, (word, _, _) in CHANGE_WORDS.items()],
            site_choices=[(each["site"], each["site"]) for each in summary["spans"]],
            form=form,
            grouped=request.args.get("sort", "day").lstrip("-") == "day",
            is_open=batch.state in _OPEN and (job is None or job.state.ended),
        ),
        status,
    )


def _csv(batch: ImportBatch, found: list[ListedShift]) -> ResponseReturnValue:
    header = ("day", "site", "person", "person_number", "shift", "change", "was", "becomes", "remark", "stays", "row")
    rows = (
        (
            each.day_on.isoformat(),
            each.site,
            each.person_name,
            each.person.external_id if each.person is not None else None,
            each.external_id,
            each.change.value,
            str(each.was),
            str(each.becomes),
            each.what,
            "yes" if each.stays else "no",
            each.row or None,
        )
        for each in found
    )
    return csv_response(f"import-{batch.id}-difference.csv", header, rows)


def _plans_csv(batch: ImportBatch) -> ResponseReturnValue:
    header = ("plan_id", "run_id", "day_on", "site", "people", "assignments", "uncovered")
    rows = [[each[name] for name in header] for each in batch.report["difference"]["plans"]]
    return csv_response(f"import-{batch.id}-plans.csv", header, rows)


@blueprint.post("/<int:batch_id>/missing")
@requires(Permission.IMPORT_FILES)
def missing(batch_id: int) -> ResponseReturnValue:
    """Say what becomes of the shifts that the file lacks, and check it again."""
    batch, form = _get_shifts(batch_id), MissingForm()
    if not form.validate_on_submit():
        if batch.difference is None:
            return redirect(url_for(".show", batch_id=batch_id))
        return _render(batch, form, 422)
    batches.choose_missing(get_session(), batch, form.choice(), by=actor())
    check_again(batch)
    # A long file is checked by a job, whose progress the page of the import shows.
    return redirect(url_for(".difference" if batch.difference is not None else ".show", batch_id=batch_id))


def _get_shifts(batch_id: int) -> ImportBatch:
    batch = get_import(batch_id)
    if batch.kind is not ImportKind.SHIFTS:
        raise NotFoundError("Only a file of shifts is held against the roster.")
    return batch
