"""The rules of check-ins of a site, their preview, their batches."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.check_ins.forms import RuleForm
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.services import check_ins, engagement_types
from webapp.services.access import Permission
from webapp.web.arguments import read_day
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, today
from webapp.web.sites import chosen_site, list_sites
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success

blueprint = Blueprint("check_ins", __name__, url_prefix="/check-ins")


@blueprint.get("")
@requires(Permission.VIEW_WORK)
def index() -> ResponseReturnValue:
    """Show a site's rules, whom they would call on tomorrow, and what they made."""
    session, site = get_session(), chosen_site(Permission.VIEW_WORK)
    tomorrow = today(site) + dt.timedelta(days=1)
    preview = check_ins.preview(session, site, tomorrow)
    if request.args.get("format") == "csv":
        return csv_response(
            f"check-ins-{tomorrow}.csv",
            ("rule", "customer_key", "due_since", "minutes", "fits"),
            (
                (
                    each.rule.name,
                    each.customer_key,
                    each.base_on.isoformat(),
                    each.minutes,
                    "yes" if each.fits else "no",
                )
                for each in preview.due
            ),
        )
    watch(f"plans:{site.id}", pause_seconds=5)
    return render_template(
        "check_ins/index.html",
        site=site,
        sites=list_sites(Permission.VIEW_WORK),
        rules=check_ins.list_rules(session, site),
        words=check_ins.trigger_words,
        preview=preview,
        batches=check_ins.list_batches(session, site),
    )


@blueprint.post("/run")
@requires(Permission.EDIT_WORK)
def run() -> ResponseReturnValue:
    """Make tomorrow's check-ins now instead of in the night."""
    site = chosen_site(Permission.EDIT_WORK)
    made = check_ins.create(get_session(), site, today(site) + dt.timedelta(days=1), by=actor())
    flash_success(f"{made} check-ins are made for tomorrow.")
    return redirect(url_for(".index", site=site.id))


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_WORK)
def create() -> ResponseReturnValue:
    """Add a rule."""
    session, site, form = get_session(), chosen_site(Permission.EDIT_WORK), RuleForm()
    form.offer(check_ins.list_types(session), engagement_types.list_types(session))
    if form.validate_on_submit():
        try:
            rule = check_ins.create_rule(session, site, draft=form.draft(), by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"The rule {rule.name} is saved. Tomorrow's preview shows what it makes.")
            return redirect(url_for(".index", site=site.id))
    status = 422 if form.is_submitted() else 200
    return render_template("check_ins/edit.html", form=form, site=site, rule=None), status


@blueprint.route("/<int:rule_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_WORK)
def edit(rule_id: int) -> ResponseReturnValue:
    """Change a rule; whoever saves second sees what changed and keeps their text."""
    session = get_session()
    rule = check_ins.get_rule(session, rule_id, viewer=current_viewer(), permission=Permission.EDIT_WORK)

    def make(sent: Sent) -> RuleForm:
        form = RuleForm(sent, obj=rule)
        form.offer(check_ins.list_types(session, keep=rule.engagement_type_id), engagement_types.list_types(session))
        if sent is None:
            form.trigger.data = rule.trigger.value
        return form

    def save(form: RuleForm) -> None:
        check_ins.update_rule(
            session, rule, draft=form.draft(), version=form.version_number, seen=form.seen_words, by=actor()
        )

    def page(form: RuleForm, conflict: Conflict | None) -> str:
        return render_template("check_ins/edit.html", form=form, site=rule.site, rule=rule, conflict=conflict)

    return edit_row(
        rule,
        make=make,
        words=lambda: check_ins.describe(rule),
        save=save,
        page=page,
        done=lambda: go_on(f"The rule {rule.name} is saved.", url_for(".index", site=rule.site_id)),
    )


@blueprint.post("/<int:rule_id>/<day_on>/undo")
@requires(Permission.EDIT_WORK)
def undo(rule_id: int, day_on: str) -> ResponseReturnValue:
    """Take back what a rule made for a day."""
    session, day = get_session(), read_day(day_on)
    if day is None:
        raise NotFoundError("There is no such day.")
    rule = check_ins.get_rule(session, rule_id, viewer=current_viewer(), permission=Permission.EDIT_WORK)
    count = check_ins.undo_batch(session, rule, day, by=actor())
    flash_success(f"{count} check-ins are taken back.")
    return redirect(url_for(".index", site=rule.site_id))
