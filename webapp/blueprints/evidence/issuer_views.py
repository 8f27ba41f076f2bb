"""Trusted issuers of badges, and what their badges show."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.evidence.forms import IssuerForm, MappingForm
from webapp.blueprints.evidence.views import blueprint
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.models import BadgeIssuer
from webapp.services import audit, catalogue, evidence_issuers
from webapp.services.access import Permission
from webapp.services.evidence_issuers import IssuerValues
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.request import actor, get_session
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success


@blueprint.get("/badge-issuers")
@requires(Permission.MANAGE_BADGES)
def issuers() -> ResponseReturnValue:
    """List the issuers whose badges count, as a page or as CSV."""
    listed = evidence_issuers.list_issuers(get_session())
    if request.args.get("format") == "csv":
        header = ("issuer", "identifiers", "badges_known", "active")
        rows = ((each.name, " ".join(each.identifiers), len(each.mappings), each.active) for each in listed)
        return csv_response("badge-issuers.csv", header, rows)
    return render_template("evidence/issuers.html", issuers=listed)


@blueprint.route("/badge-issuers/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_BADGES)
def new_issuer() -> ResponseReturnValue:
    """Trust an issuer."""
    form = IssuerForm()
    if form.validate_on_submit():
        try:
            issuer = evidence_issuers.create_issuer(get_session(), _values(form), by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{issuer.name} is trusted. Say now what its badges show.")
            return redirect(url_for(".issuer", issuer_id=issuer.id))
    page = render_template("evidence/edit_issuer.html", form=form, issuer=None, conflict=None)
    return page, 422 if form.is_submitted() else 200


def _values(form: IssuerForm) -> IssuerValues:
    return IssuerValues(
        name=form.name.data or "",
        identifiers=form.identifiers.data or "",
        keys=form.keys.data or "",
        revoked=form.revoked.data or "",
        active=bool(form.active.data),
    )


@blueprint.get("/badge-issuers/<int:issuer_id>")
@requires(Permission.MANAGE_BADGES)
def issuer(issuer_id: int) -> ResponseReturnValue:
    """Show an issuer and what its badges show."""
    shown = evidence_issuers.get_issuer(get_session(), issuer_id)
    return _issuer_page(shown, _mapping_form())


def _mapping_form() -> MappingForm:
    form = MappingForm()
    form.offer(catalogue.list_current_skills(get_session()))
    return form


def _issuer_page(shown: BadgeIssuer, form: MappingForm) -> str:
    return render_template(
        "evidence/issuer.html",
        issuer=shown,
        form=form,
        key_names=evidence_issuers.key_names(shown),
        events=audit.history(get_session(), shown, limit=20),
    )


@blueprint.route("/badge-issuers/<int:issuer_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_BADGES)
def edit_issuer(issuer_id: int) -> ResponseReturnValue:
    """Note an issuer anew."""
    shown = evidence_issuers.get_issuer(get_session(), issuer_id)

    def make(sent: Sent) -> IssuerForm:
        if sent is not None:
            return IssuerForm(sent)
        return IssuerForm(
            formdata=None,
            name=shown.name,
            identifiers="\n".join(shown.identifiers),
            revoked="\n".join(shown.revoked),
            active=shown.active,
        )

    def save(form: IssuerForm) -> object:
        return evidence_issuers.update_issuer(
            get_session(), shown, _values(form), version=form.version_number, seen=form.seen_words, by=actor()
        )

    def page(form: IssuerForm, conflict: Conflict | None) -> str:
        return render_template("evidence/edit_issuer.html", form=form, issuer=shown, conflict=conflict)

    return edit_row(
        shown,
        make=make,
        words=lambda: evidence_issuers.describe(shown),
        save=save,
        page=page,
        done=lambda: go_on(f"{shown.name} is saved.", url_for(".issuer", issuer_id=issuer_id)),
    )


@blueprint.post("/badge-issuers/<int:issuer_id>/meanings")
@requires(Permission.MANAGE_BADGES)
def add_mapping(issuer_id: int) -> ResponseReturnValue:
    """Say which skill and level a badge shows."""
    session, form = get_session(), _mapping_form()
    shown = evidence_issuers.get_issuer(session, issuer_id)
    if form.validate():
        try:
            evidence_issuers.add_mapping(
                session,
                shown,
                achievement_key=form.achievement_key.data or "",
                skill_id=form.skill_id.data,
                level=form.level.data,
                by=actor(),
            )
        except (InvalidInputError, ConflictError) as error:
            add_error(form, error if isinstance(error, InvalidInputError) else InvalidInputError(str(error)))
        else:
            flash_success("Noted: badges that come from now on count so.")
            return redirect(url_for(".issuer", issuer_id=issuer_id))
    return _issuer_page(shown, form), 422


@blueprint.post("/badge-issuers/<int:issuer_id>/meanings/<int:mapping_id>/remove")
@requires(Permission.MANAGE_BADGES)
def remove_mapping(issuer_id: int, mapping_id: int) -> ResponseReturnValue:
    """Say no longer what a badge shows."""
    session = get_session()
    evidence_issuers.remove_mapping(session, evidence_issuers.get_issuer(session, issuer_id), mapping_id, by=actor())
    flash_success("Removed. What counted already stays.")
    return redirect(url_for(".issuer", issuer_id=issuer_id))
