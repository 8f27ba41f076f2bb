"""Evidence that waits for a lead or HR."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.evidence.forms import AcceptForm
from webapp.blueprints.evidence.views import blueprint
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import EvidenceSubmission
from webapp.services import access, evidence
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success, flash_undo

_HEADER = (
    "number", "name", "skill", "kind", "title", "issuer", "issued_on", "expires_on", "level", "brought_at",
)  # fmt: skip


@blueprint.get("/evidence")
@requires(Permission.ACCEPT_EVIDENCE)
def index() -> ResponseReturnValue:
    """Show what waits and the one at hand, or answer with what waits as CSV."""
    waiting = evidence.list_waiting(get_session(), current_viewer())
    if request.args.get("format") == "csv":
        return csv_response("evidence.csv", _HEADER, (_row(one) for one in waiting))
    teams = access.list_teams(get_session(), viewer=current_viewer(), permission=Permission.ACCEPT_EVIDENCE)
    watch(*(f"team:{team.id}" for team in teams), "catalogue", pause_seconds=2)
    chosen = request.args.get("submission", type=int)
    if chosen is None and waiting:
        chosen = waiting[0].id
    at_hand = None if chosen is None else evidence.get_submission(get_session(), chosen, viewer=current_viewer())
    if at_hand is not None:
        # What comes first may change; what somebody is reading must not.
        watch(url=url_for(".index", submission=at_hand.id))
    return _page(at_hand, AcceptForm(formdata=None))


def _row(one: EvidenceSubmission) -> tuple[object, ...]:
    return (
        one.person.external_id,
        one.person.name,
        one.skill.code,
        one.kind.value,
        one.title,
        one.issuer,
        one.issued_on,
        one.expires_on,
        one.level,
        one.created_at.isoformat(),
    )


def _page(at_hand: EvidenceSubmission | None, form: AcceptForm) -> str:
    if at_hand is not None and not form.is_submitted():
        form.level.data, form.expires_on.data = at_hand.level, at_hand.expires_on
    waiting = evidence.list_waiting(get_session(), current_viewer())
    return render_template("evidence/index.html", waiting=waiting, at_hand=at_hand, form=form)


@blueprint.post("/evidence/<int:submission_id>/accept")
@requires(Permission.ACCEPT_EVIDENCE)
def accept(submission_id: int) -> ResponseReturnValue:
    """Accept what somebody brought, at a level."""
    session, viewer, form = get_session(), current_viewer(), AcceptForm()
    submission = evidence.get_submission(session, submission_id, viewer=viewer)
    if form.validate():
        try:
            evidence.accept(
                session,
                submission,
                level=form.level.data,
                expires_on=form.expires_on.data,
                note=form.note.data or "",
                viewer=viewer,
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            message = f"{submission.title} of {submission.person.name} counts at level {form.level.data}."
            flash_undo(message, url_for(".reopen", submission_id=submission_id))
            return redirect(url_for(".index"))
    return _page(submission, form), 422


@blueprint.post("/evidence/<int:submission_id>/reject")
@requires(Permission.ACCEPT_EVIDENCE)
def reject(submission_id: int) -> ResponseReturnValue:
    """Reject what somebody brought, with a reason that they read."""
    session, viewer, form = get_session(), current_viewer(), AcceptForm()
    submission = evidence.get_submission(session, submission_id, viewer=viewer)
    try:
        evidence.reject(session, submission, reason=form.note.data or "", viewer=viewer, by=actor())
    except InvalidInputError as error:
        add_error(form, error)
        return _page(submission, form), 422
    message = f"{submission.title} of {submission.person.name} is not accepted; they read why."
    flash_undo(message, url_for(".reopen", submission_id=submission_id))
    return redirect(url_for(".index"))


@blueprint.post("/evidence/<int:submission_id>/reopen")
@requires(Permission.ACCEPT_EVIDENCE)
def reopen(submission_id: int) -> ResponseReturnValue:
    """Take one's decision back."""
    session, viewer = get_session(), current_viewer()
    submission = evidence.get_submission(session, submission_id, viewer=viewer)
    evidence.reopen(session, submission, viewer=viewer, by=actor())
    flash_success(f"Taken back: {submission.title} of {submission.person.name} waits again.")
    return redirect(url_for(".index", submission=submission_id))
