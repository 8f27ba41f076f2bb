"""Skills that an agent may also have, as a page and as a part of their record."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.services import skill_suggestions
from webapp.services.access import Permission
from webapp.services.skill_suggestions import Suggestion
from webapp.web.guard import requires
from webapp.web.request import actor, current_person, get_session, today
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("suggestions", __name__, url_prefix="/my/suggestions")


def _list(*, limit: int | None = skill_suggestions.MOST_SHOWN) -> list[Suggestion]:
    person = current_person()
    return skill_suggestions.list_suggestions(get_session(), person, today(person.site), limit=limit)


@blueprint.app_context_processor
def suggestions_for_pages() -> dict[str, Callable[[], list[Suggestion]]]:
    """Give templates the suggestions, worked out only where a page asks for them."""
    return {"own_suggestions": _list}


@blueprint.get("")
@requires(Permission.KEEP_OWN_RECORD)
def index() -> ResponseReturnValue:
    """Show all suggestions, and those that were dismissed."""
    return render_template(
        "suggestions/index.html",
        suggested=_list(limit=None),
        dismissed=skill_suggestions.list_dismissed(get_session(), current_person()),
    )


@blueprint.post("/<int:skill_id>/claim")
@requires(Permission.KEEP_OWN_RECORD)
def claim(skill_id: int) -> ResponseReturnValue:
    """Claim the level that is suggested."""
    person = current_person()
    found = skill_suggestions.claim_suggested(
        get_session(), person, skill_id=skill_id, on=today(person.site), by=actor()
    )
    flash_undo(f"You claim level {found.level} in {found.skill.name}.", url_for("records.withdraw", skill_id=skill_id))
    return redirect(url_for("records.index", _anchor=f"skill-{skill_id}"))


@blueprint.post("/<int:skill_id>/dismiss")
@requires(Permission.KEEP_OWN_RECORD)
def dismiss(skill_id: int) -> ResponseReturnValue:
    """Suggest a skill no more."""
    skill = skill_suggestions.dismiss(get_session(), current_person(), skill_id=skill_id, by=actor())
    flash_undo(f"{skill.name} is not suggested to you any more.", url_for(".restore", skill_id=skill_id))
    return redirect(url_for("records.index"))


@blueprint.post("/<int:skill_id>/restore")
@requires(Permission.KEEP_OWN_RECORD)
def restore(skill_id: int) -> ResponseReturnValue:
    """Let a skill be suggested again."""
    skill = skill_suggestions.restore(get_session(), current_person(), skill_id=skill_id, by=actor())
    flash_success(f"{skill.name} may be suggested to you again.")
    return redirect(url_for(".index"))
