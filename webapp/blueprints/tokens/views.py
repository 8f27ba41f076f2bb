"""Tokens: everybody makes and revokes their own, and admins revoke anybody's."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.tokens.forms import TokenForm
from webapp.errors import InvalidInputError
from webapp.forms import add_error, options
from webapp.services import api_tokens
from webapp.services.access import Permission
from webapp.web import shown_once
from webapp.web.guard import requires
from webapp.web.request import actor, can, current_person, current_viewer, get_session, now
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success

blueprint = Blueprint("tokens", __name__, url_prefix="/tokens")

_USUAL_DAYS = 90


def _form(*, sent: bool = False) -> TokenForm:
    """Return the form with the choices that the person has: as it was sent, or to begin with."""
    form = TokenForm() if sent else TokenForm(formdata=None)
    sites = api_tokens.list_sites(get_session(), current_person(), viewer=current_viewer())
    form.site_id.choices = options([("", "All that you may see"), *((site.id, site.name) for site in sites)])
    form.expires_on.data = form.expires_on.data or now().date() + dt.timedelta(days=_USUAL_DAYS)
    return form


def _page(form: TokenForm) -> str:
    session = get_session()
    everybodys = api_tokens.list_all(session, viewer=current_viewer()) if can(Permission.MANAGE_TOKENS) else None
    return render_template(
        "tokens/index.html",
        form=form,
        tokens=api_tokens.list_own(session, current_person()),
        everybodys=everybodys,
        made=shown_once.take("token"),
        present=now(),
    )


@blueprint.get("")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """Show one's own tokens and, to those who manage them, everybody's; as a page or, these, as CSV."""
    if request.args.get("format") == "csv" and can(Permission.MANAGE_TOKENS):
        header = ("id", "person", "name", "prefix", "scopes", "site", "created_at", "expires_at", "last_used_at")
        rows = (
            (
                each.id,
                each.person.name,
                each.name,
                each.prefix,
                " ".join(each.scopes),
                each.site.code if each.site else None,
                each.created_at,
                each.expires_at,
                each.last_used_at,
            )
            for each in api_tokens.list_all(get_session(), viewer=current_viewer())
        )
        return csv_response("api-tokens.csv", header, rows)
    return _page(_form())


@blueprint.post("")
@requires(Permission.USE_MAINSTAY)
def create() -> ResponseReturnValue:
    """Make a token, and lead to the list, which shows its secret once."""
    form = _form(sent=True)
    if form.validate():
        try:
            token, secret = api_tokens.create_token(
                get_session(),
                current_person(),
                name=form.name.data or "",
                scopes=form.chosen_scopes(),
                site_id=form.site_id.data,
                expires_on=form.last_day(),
                viewer=current_viewer(),
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            shown_once.keep("token", name=token.name, secret=secret)
            return redirect(url_for(".index"))
    return _page(form), 422


@blueprint.post("/<int:token_id>/revoke")
@requires(Permission.USE_MAINSTAY)
def revoke(token_id: int) -> ResponseReturnValue:
    """End a token at once."""
    token = api_tokens.revoke_token(get_session(), token_id, viewer=current_viewer(), by=actor())
    flash_success(f"{token.name} is revoked; its next request is refused.")
    return redirect(url_for(".index"))
