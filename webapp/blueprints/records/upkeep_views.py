"""Keeping one's own record alive: “still right” for one skill or many, and the quick review of a month."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.records.views import blueprint, own_today
from webapp.errors import NotFoundError
from webapp.models import Interest
from webapp.services import confirmations, own_skills, records, upkeep
from webapp.services.access import Permission
from webapp.services.own_skills import OwnSkill
from webapp.services.upkeep import QuickReview
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, get_session
from webapp.web.toasts import flash_success, flash_undo

_MOST_AT_ONCE = 200


def _confirm(skill_ids: list[int], message: str) -> None:
    """Confirm skills and offer to take it back."""
    keys = confirmations.confirm(get_session(), current_person(), skill_ids=skill_ids, by=actor())
    flash_undo(message, url_for("records.unconfirm", ids=",".join(map(str, keys))))


@blueprint.post("/my/skills/<int:skill_id>/confirm")
@requires(Permission.KEEP_OWN_RECORD)
def confirm(skill_id: int) -> ResponseReturnValue:
    """Say that one's record in a skill is still right."""
    record = records.get_record(get_session(), current_person().id, skill_id)
    _confirm([skill_id], f"{record.skill.name} is noted as still right.")
    return redirect(url_for(".index", _anchor=f"skill-{skill_id}"))


@blueprint.post("/my/skills/confirm")
@requires(Permission.KEEP_OWN_RECORD)
def confirm_all() -> ResponseReturnValue:
    """Say that one's record is still right in each skill that the page showed."""
    chosen = request.form.getlist("skill_id", type=int)[:_MOST_AT_ONCE]
    _confirm(
        chosen,
        "1 skill is noted as still right." if len(chosen) == 1 else f"{len(chosen)} skills are noted as still right.",
    )
    return redirect(url_for(".index"))


@blueprint.post("/my/skills/confirmations/<ids>/take-back")
@requires(Permission.KEEP_OWN_RECORD)
def unconfirm(ids: str) -> ResponseReturnValue:
    """Take back that one's record was still right."""
    parts = ids.split(",")
    if len(parts) > _MOST_AT_ONCE or not all(part.isdecimal() and len(part) < 19 for part in parts):
        raise NotFoundError("There is no such confirmation of yours.")
    skills = confirmations.take_back(
        get_session(), current_person(), event_ids={int(part) for part in parts}, by=actor()
    )
    flash_success(f"Taken back: {', '.join(skill.name for skill in skills)}.")
    return redirect(url_for(".index", _anchor=f"skill-{skills[0].id}"))


def _quick_review() -> tuple[QuickReview, dict[int, OwnSkill]]:
    held = own_skills.list_own_skills(get_session(), current_person().id, own_today())
    pairs = [(own.skill, own.projection) for own in held]
    quick = upkeep.quick_review(pairs, own_today(), current_person().site.time_zone)
    return quick, {own.skill.id: own for own in held}


@blueprint.get("/my/skills/quick")
@requires(Permission.KEEP_OWN_RECORD)
def quick() -> ResponseReturnValue:
    """Show the next skill of the month's quick review, or that it is done."""
    due, held = _quick_review()
    own = held[due.asked[0].id] if due.is_due else None
    return render_template(
        "records/quick.html",
        quick=due,
        own=own,
        fall=own and upkeep.find_fall(own.skill, own.projection, own.on),
        interests=Interest,
        month=own_today(),
    )


@blueprint.post("/my/skills/quick/<int:skill_id>")
@requires(Permission.KEEP_OWN_RECORD)
def quick_confirm(skill_id: int) -> ResponseReturnValue:
    """Answer the quick review for one skill and go on to the next."""
    record = records.get_record(get_session(), current_person().id, skill_id)
    _confirm([skill_id], f"{record.skill.name} is noted as still right.")
    return redirect(url_for(".quick"))
