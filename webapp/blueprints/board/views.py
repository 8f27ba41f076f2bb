"""The board itself, its figure and tables, and the line by which somebody calls in sick."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.board.forms import ReplanForm, SickForm
from webapp.charts.progress import progress_figure
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import Site, SlotState
from webapp.services import roster, roster_marks
from webapp.services.access import Permission
from webapp.services.board import sickness, today
from webapp.services.board.breaches import BreachKind
from webapp.services.board.floor import count_states
from webapp.services.planning import replan, stretch_slots, swaps
from webapp.services.talk import rescue
from webapp.web import figures
from webapp.web.arguments import chosen_day, say_of_address
from webapp.web.filters import day as day_words
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, can, current_viewer, get_session, now
from webapp.web.request import today as today_at
from webapp.web.sites import chosen_site, list_sites
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_undo

blueprint = Blueprint("board", __name__, url_prefix="/board")

BREACH_WORDS = {
    BreachKind.ABSENT: "Its agent is away",
    BreachKind.UNCOVERED: "Not covered any more",
    BreachKind.LATE: "Begins after it is due",
    BreachKind.NOBODY: "Nobody has it",
    BreachKind.RUNNING_LATE: "Should have begun",
}


@blueprint.get("")
@requires(Permission.VIEW_PLANS)
def index() -> ResponseReturnValue:
    """Show the board of today, or one of its tables as CSV."""
    site = chosen_site(Permission.VIEW_PLANS)
    present = today_at(site)
    wanted = chosen_day(present)
    if wanted != present:
        say_of_address(f"The board is always of today, not of {day_words(wanted)}.")
    if request.args.get("format") == "csv":
        return _csv(site)
    return render_board(site)


def render_board(
    site: Site, *, sick: SickForm | None = None, replan_form: ReplanForm | None = None, status: int = 200
) -> ResponseReturnValue:
    """Answer with the board; a form that was refused stands open on it."""
    session, viewer = get_session(), current_viewer()
    # Everything of the day may change it, and it is dear to build.
    watch(f"plans:{site.id}", f"site:{site.id}", f"threads:{site.id}", pause_seconds=5)
    board = today.board_of(session, site, at=now())
    if board.open_run is not None and board.open_run.job_id is not None:
        watch(f"job:{board.open_run.job_id}")
    may_edit = can(Permission.EDIT_ROSTER)
    if replan_form is None:
        chosen = replan.defaults(board.plan) if board.plan is not None else None
        replan_form = ReplanForm(formdata=None, obj=chosen)
        # Somebody who is away keeps no case waiting, unless the scheduler says so.
        replan_form.hand_over.data = True
    return (
        render_template(
            "board/index.html",
            board=board,
            site=site,
            sites=list_sites(Permission.VIEW_PLANS),
            figure=progress_figure(board.progress, zone=site.time_zone) if board.progress is not None else None,
            counts=count_states(board.floor),
            broken=_broken(site),
            names=[each.name for each in roster.list_plannable_people(session, viewer=viewer, site=site)]
            if may_edit
            else [],
            sick=sick or SickForm(formdata=None),
            replan=replan_form,
            breach_words=BREACH_WORDS,
            swaps=swaps.list_agreed(session, board.plan),
            calls=rescue.list_open_calls(session, site),
            stretch=[
                slot
                for slot in stretch_slots.list_site_slots(session, site, board.day_on, viewer=viewer)
                if slot.state is SlotState.CHOSEN
            ],
            changed=roster_marks.list_changed(session, board.plan) if board.plan is not None else [],
        ),
        status,
    )


def _broken(site: Site) -> sickness.Broken | None:
    """Return what the absence breaks that the address names, if it is one of this site."""
    wanted = request.args.get("absence", type=int)
    if wanted is None or not can(Permission.VIEW_ROSTER):
        return None
    try:
        found = roster.get_absence(get_session(), wanted, viewer=current_viewer(), permission=Permission.VIEW_ROSTER)
    except NotFoundError:
        return None
    return sickness.find_broken(get_session(), found) if found.person.site_id == site.id else None


def _csv(site: Site) -> ResponseReturnValue:
    board = today.board_of(get_session(), site, at=now())
    name = f"board-{site.code}-{board.day_on.isoformat()}"
    what = request.args.get("table", "agents")
    header: tuple[str, ...]
    rows: list[tuple[object, ...]]
    if what == "queue":
        header = ("type", "waiting", "planned", "under_way", "done", "late", "next_due_at")
        rows = [
            (
                each.engagement_type.name,
                *(each.waiting, each.planned, each.under_way, each.done, each.late),
                each.next_due_at.isoformat() if each.next_due_at else None,
            )
            for each in board.queues
        ]
    elif what == "breaches":
        header = ("engagement", "type", "why", "agent", "planned_at", "due_at", "priority")
        rows = [
            (
                each.engagement.external_id,
                each.engagement.engagement_type.name,
                BREACH_WORDS[each.kind],
                each.person.name if each.person else None,
                each.starts_at.isoformat() if each.starts_at else None,
                each.engagement.due_at.isoformat(),
                each.engagement.priority,
            )
            for each in board.breaches
        ]
    else:
        header = ("agent", "agent_number", "state", "what", "until", "late")
        rows = [
            (
                each.person.name,
                each.person.external_id,
                each.state.value,
                each.words,
                each.until.isoformat() if each.until else None,
                "yes" if each.late else "no",
            )
            for each in board.floor
        ]
    return csv_response(f"{name}-{what}.csv", header, rows)


@blueprint.get("/progress")
@requires(Permission.VIEW_PLANS)
def progress() -> ResponseReturnValue:
    """Answer with the figure of plan against actual."""
    site = chosen_site(Permission.VIEW_PLANS)
    board = today.board_of(get_session(), site, at=now())
    if board.progress is None:
        raise NotFoundError("No plan of today is published.")
    return figures.respond(progress_figure(board.progress, zone=site.time_zone))


@blueprint.post("/sick")
@requires(Permission.EDIT_ROSTER)
def sick() -> ResponseReturnValue:
    """Note from one line that somebody is sick, and show what that breaks."""
    site, form = chosen_site(Permission.EDIT_ROSTER), SickForm()
    if not form.validate_on_submit():
        return render_board(site, sick=form, status=422)
    try:
        absence = sickness.report_call(get_session(), site, form.who.data or "", viewer=current_viewer(), by=actor())
    except InvalidInputError as error:
        add_error(form, error)
        return render_board(site, sick=form, status=422)
    except ConflictError as error:
        form.form_errors.append(str(error))
        return render_board(site, sick=form, status=409)
    flash_undo(f"{absence.person.name} is noted sick.", url_for("roster.remove_absence", absence_id=absence.id))
    return redirect(url_for(".index", site=site.id, absence=absence.id))
