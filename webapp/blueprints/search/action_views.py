"""Keeping a search, and doing something for many of the people whom it found."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.search.forms import ACTION_WORDS, BulkActionForm, SaveSearchForm
from webapp.blueprints.search.views import blueprint
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.models import BulkActionKind
from webapp.services import bulk_actions, catalogue, saved_searches
from webapp.services.access import Permission
from webapp.services.bulk_actions import COURSE_LEVEL_LIMIT, NEEDED, ActionPlan, Skip
from webapp.web.guard import requires
from webapp.web.request import actor, can, current_viewer, get_session
from webapp.web.toasts import flash_error, flash_success, flash_undo

SKIP_WORDS = {
    Skip.NOT_ON_RECORD: "The skill is not on their record.",
    Skip.CONFIRMED_LATELY: "Confirmed within the last 30 days.",
    Skip.ASKED_LATELY: "Asked within the last 30 days.",
    Skip.ON_RECORD_ALREADY: "The course is on record already.",
    Skip.YOURSELF: "Nobody gives evidence about themselves.",
}


@blueprint.post("/who-can/searches")
@requires(Permission.SEARCH_SKILLS)
def save() -> ResponseReturnValue:
    """Keep the search of the page under a name."""
    form = SaveSearchForm()
    query = form.query.data or ""
    address = f"{url_for('.index')}?{query}"
    if not form.validate_on_submit():
        flash_error("Give the search a name.")
        return redirect(address)
    try:
        saved = saved_searches.save_search(
            get_session(), name=form.name.data or "", query=query, shared=form.shared.data, by=actor()
        )
    except InvalidInputError as error:
        flash_error(str(error))
        return redirect(address)
    flash_success(f"“{saved.name}” is kept.")
    return redirect(f"{url_for('.index')}?{saved.query}")


@blueprint.post("/who-can/searches/<int:search_id>/remove")
@requires(Permission.SEARCH_SKILLS)
def remove(search_id: int) -> ResponseReturnValue:
    """Forget one's own search."""
    removed = saved_searches.remove_search(get_session(), search_id, viewer=current_viewer(), by=actor())
    again = url_for(".restore", name=removed.name, query=removed.query, shared=int(removed.shared))
    flash_undo(f"“{removed.name}” is forgotten.", again)
    return redirect(url_for(".index"))


@blueprint.post("/who-can/searches/restore")
@requires(Permission.SEARCH_SKILLS)
def restore() -> ResponseReturnValue:
    """Keep a search again that was just forgotten."""
    values = request.args
    saved_searches.save_search(
        get_session(),
        name=values.get("name", ""),
        query=values.get("query", ""),
        shared=values.get("shared") == "1",
        by=actor(),
    )
    flash_success("The search is back.")
    return redirect(url_for(".index"))


@blueprint.post("/who-can/actions")
@requires(Permission.SEARCH_SKILLS)
def act() -> ResponseReturnValue:
    """Show what an action would do for each person who is ticked, then do it."""
    form = BulkActionForm()
    if form.kind.data is None:
        form.kind.data = BulkActionKind.ASK_TO_CONFIRM
    plan = None
    if request.form.get("step") != "choose" and form.validate_on_submit():
        try:
            if request.form.get("step") == "apply":
                return _apply(form)
            plan = bulk_actions.plan_action(get_session(), form.wish(), viewer=current_viewer(), by=actor())
        except (InvalidInputError, ConflictError) as error:
            if not isinstance(error, InvalidInputError):
                error = InvalidInputError(str(error))
            add_error(form, error)
    return _page(form, plan), 422 if form.errors else 200


def _apply(form: BulkActionForm) -> ResponseReturnValue:
    action = bulk_actions.carry_out(get_session(), form.wish(), viewer=current_viewer(), by=actor())
    count = len(action.rows)
    people = "1 person" if count == 1 else f"{count} people"
    said = f"Asked {people}." if action.kind is BulkActionKind.ASK_TO_CONFIRM else f"Recorded for {people}."
    flash_undo(said, url_for(".undo", action_id=action.id))
    return redirect(url_for(".index", skill=action.skill_id, level=1))


def _page(form: BulkActionForm, plan: ActionPlan | None) -> str:
    wish = form.wish()
    session = get_session()
    return render_template(
        "search/act.html",
        form=form,
        plan=plan,
        skill=catalogue.get_skill(session, wish.skill_id),
        count=len(set(wish.person_ids)),
        kinds=[(kind, words) for kind, words in ACTION_WORDS.items() if can(NEEDED[kind])],
        course=BulkActionKind.RECORD_COURSE,
        skip_words=SKIP_WORDS,
        level_limit=COURSE_LEVEL_LIMIT,
    )


@blueprint.post("/who-can/actions/<int:action_id>/undo")
@requires(Permission.SEARCH_SKILLS)
def undo(action_id: int) -> ResponseReturnValue:
    """Take one's own action back."""
    action = bulk_actions.undo_action(get_session(), action_id, viewer=current_viewer(), by=actor())
    flash_success("Taken back.")
    return redirect(url_for(".index", skill=action.skill_id, level=1))
