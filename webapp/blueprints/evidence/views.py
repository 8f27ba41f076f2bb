"""Bringing evidence, and looking at it: one's own, on a phone first, and the files that support it."""

from __future__ import annotations

from io import BytesIO

from flask import Blueprint, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.evidence.forms import BadgeForm, EvidenceForm, file_of
from webapp.charts.evidence import ahead_figure
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.models import SkillEventKind
from webapp.services import access, attachments, catalogue, evidence, evidence_badges, evidence_reasons
from webapp.services.access import Permission
from webapp.services.evidence import NewEvidence
from webapp.web import figures
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_person, current_viewer, get_session, today
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("evidence", __name__)


@blueprint.route("/my/skills/<int:skill_id>/evidence", methods=["GET", "POST"])
@requires(Permission.KEEP_OWN_RECORD)
def add(skill_id: int) -> ResponseReturnValue:
    """Bring a certificate, a course or a test for a skill of one's own."""
    session, person, form = get_session(), current_person(), EvidenceForm()
    skill = catalogue.get_skill(session, skill_id)
    if form.validate_on_submit():
        brought = NewEvidence(
            skill_id=skill_id,
            kind=SkillEventKind(form.kind.data),
            level=form.level.data,
            title=form.title.data or "",
            issuer=form.issuer.data or "",
            issued_on=form.issued_on.data,
            expires_on=form.expires_on.data,
            note=form.note.data or "",
            link=form.link.data or "",
            file=file_of(form.file),
        )
        try:
            submission = evidence.submit(session, person, brought, by=actor())
        except (InvalidInputError, ConflictError) as error:
            _show(form, error)
        else:
            message = f"{submission.title} waits for your lead or HR."
            flash_undo(message, url_for(".withdraw", submission_id=submission.id))
            return redirect(url_for("records.index", _anchor=f"skill-{skill_id}"))
    page = render_template("evidence/add.html", form=form, skill=skill)
    return page, 422 if form.is_submitted() else 200


@blueprint.route("/my/skills/badges/add", methods=["GET", "POST"])
@requires(Permission.KEEP_OWN_RECORD)
def add_badge() -> ResponseReturnValue:
    """Bring an Open Badge: a certain one counts at once, any other waits for somebody to accept it."""
    session, person, form = get_session(), current_person(), BadgeForm()
    form.offer(catalogue.list_current_skills(session))
    if form.validate_on_submit():
        file = file_of(form.file)
        try:
            brought = evidence_badges.bring_badge(
                session,
                person,
                file or evidence.File("", b""),
                skill_id=form.skill_id.data,
                level=form.level.data,
                note=form.note.data or "",
                by=actor(),
            )
        except (InvalidInputError, ConflictError) as error:
            _show(form, error)
        else:
            return _badge_brought(brought)
    if not form.is_submitted():
        form.skill_id.data = request.args.get("skill", type=int)
    return render_template("evidence/add_badge.html", form=form), 422 if form.is_submitted() else 200


def _badge_brought(brought: evidence_badges.Brought) -> ResponseReturnValue:
    skills = ", ".join(submission.skill.name for submission in brought.submissions)
    if brought.counted:
        flash_success(f"{brought.badge.name} counts for {skills}: its signature is right.")
    else:
        message = f"{brought.badge.name} waits for your lead or HR. {' '.join(brought.doubts)}"
        flash_undo(message, url_for(".withdraw", submission_id=brought.submissions[0].id))
    return redirect(url_for("records.index", _anchor=f"skill-{brought.submissions[0].skill_id}"))


def _show(form: EvidenceForm | BadgeForm, error: InvalidInputError | ConflictError) -> None:
    add_error(form, error if isinstance(error, InvalidInputError) else InvalidInputError(str(error)))


@blueprint.post("/my/evidence/<int:submission_id>/withdraw")
@requires(Permission.KEEP_OWN_RECORD)
def withdraw(submission_id: int) -> ResponseReturnValue:
    """Take back what one brought and nobody has decided on."""
    submission = evidence.withdraw(get_session(), submission_id, by=actor())
    flash_success(f"Taken back: {submission.title}.")
    return redirect(url_for("records.index", _anchor=f"skill-{submission.skill_id}"))


@blueprint.get("/my/skills/<int:skill_id>/ahead")
@requires(Permission.KEEP_OWN_RECORD)
def own_ahead(skill_id: int) -> ResponseReturnValue:
    """Answer with the figure of how one's own level goes on if nothing happens."""
    session, person = get_session(), current_person()
    skill = catalogue.get_skill(session, skill_id)
    explained = evidence_reasons.explain(session, person, skill_id, today(person.site))
    return figures.respond(ahead_figure(skill.name, explained))


@blueprint.get("/people/<int:person_id>/skills/<int:skill_id>")
@requires(Permission.VIEW_RECORDS)
def record(person_id: int, skill_id: int) -> ResponseReturnValue:
    """Show why somebody's level in a skill is what it is."""
    session = get_session()
    shown = access.get_person(session, person_id, viewer=current_viewer(), permission=Permission.VIEW_RECORDS)
    skill = catalogue.get_skill(session, skill_id)
    watch(f"person:{person_id}", "catalogue")
    explained = evidence_reasons.explain(session, shown, skill_id, today(shown.site))
    return render_template(
        "evidence/record.html",
        person=shown,
        skill=skill,
        explained=explained,
        figure=ahead_figure(skill.name, explained),
        brought=evidence.list_own(session, shown.id, skill_id=skill_id),
    )


@blueprint.get("/people/<int:person_id>/skills/<int:skill_id>/ahead")
@requires(Permission.VIEW_RECORDS)
def ahead(person_id: int, skill_id: int) -> ResponseReturnValue:
    """Answer with the figure of how somebody's level goes on if nothing happens."""
    session = get_session()
    shown = access.get_person(session, person_id, viewer=current_viewer(), permission=Permission.VIEW_RECORDS)
    skill = catalogue.get_skill(session, skill_id)
    explained = evidence_reasons.explain(session, shown, skill_id, today(shown.site))
    return figures.respond(ahead_figure(skill.name, explained))


@blueprint.get("/attachments/<int:attachment_id>")
@requires(Permission.USE_MAINSTAY)
def attachment(attachment_id: int) -> ResponseReturnValue:
    """Answer with a file of somebody whose record one may see; a browser saves it and never opens it by itself."""
    kept = attachments.get_attachment(get_session(), attachment_id, viewer=current_viewer())
    answer = send_file(
        BytesIO(kept.content), mimetype=kept.content_type, as_attachment=True, download_name=kept.file_name
    )
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
