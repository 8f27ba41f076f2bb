"""The blocks of some days against the file that was handed over last, and the file itself."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from webapp.errors import InvalidInputError
from webapp.models import Site
from webapp.services.access import Permission
from webapp.services.planning import blocks
from webapp.web.guard import requires
from webapp.web.request import actor, get_session, now, today
from webapp.web.sites import chosen_site, list_sites
from webapp.web.tables import csv_response

HEADER = ("id", "change", "kind", "person", "starts_at", "ends_at")

blueprint = Blueprint("blocks", __name__, url_prefix="/blocks")


def _asked(permission: Permission) -> tuple[Site, dt.date, dt.date]:
    """Return the site and days that the address names; a person's own site and the week from today on by default."""
    site = chosen_site(permission)
    try:
        first = dt.date.fromisoformat(request.args.get("first", today(site).isoformat()))
        last = dt.date.fromisoformat(request.args.get("last", (first + dt.timedelta(days=6)).isoformat()))
    except (ValueError, OverflowError) as error:
        raise InvalidInputError("Write days as 2026-11-23.", field="first") from error
    return site, first, last


@blueprint.get("")
@requires(Permission.RUN_PLANS)
def index() -> ResponseReturnValue:
    """Show the blocks and what differs since the last file."""
    site, first, last = _asked(Permission.RUN_PLANS)
    found = blocks.list_blocks(get_session(), site, first, last)
    changes = blocks.compare_with_last(get_session(), site, first, last, found)
    return render_template(
        "blocks/index.html", site=site, sites=list_sites(Permission.RUN_PLANS), first=first, last=last, changes=changes
    )


@blueprint.post("")
@requires(Permission.RUN_PLANS)
def hand_over() -> ResponseReturnValue:
    """Answer with the file, and keep what it said."""
    site, first, last = _asked(Permission.RUN_PLANS)
    session = get_session()
    found = blocks.list_blocks(session, site, first, last)
    changes = blocks.compare_with_last(session, site, first, last, found)
    blocks.hand_over(session, site, first, last, found, by=actor())
    name = f"blocks-{site.code}-{first.isoformat()}"
    if request.form.get("format") == "ics":
        return Response(
            blocks.to_calendar(site, changes, at=now()),
            mimetype="text/calendar",
            headers={"Content-Disposition": f'attachment; filename="{name}.ics"'},
        )
    rows = (
        (
            change.key,
            change.change,
            *(
                (
                    change.block.kind,
                    change.block.person.external_id,
                    change.block.starts_at.isoformat(),
                    change.block.ends_at.isoformat(),
                )
                if change.block is not None
                else (None, None, None, None)
            ),
        )
        for change in changes
    )
    return csv_response(f"{name}.csv", HEADER, rows)
