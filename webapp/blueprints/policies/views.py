"""The policies, one of them with its versions, and editing it into the next version."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.policies.forms import CopyForm, DefaultForm, PolicyForm, policy_form
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import Policy
from webapp.services import access
from webapp.services.access import Permission
from webapp.services.planning import policies, policy_editing
from webapp.web.guard import requires
from webapp.web.request import actor, can, current_viewer, get_session, now
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success, flash_undo

DAYS = dt.timedelta(days=28)

blueprint = Blueprint("policies", __name__, url_prefix="/policies")


@blueprint.get("")
@requires(Permission.VIEW_PLANS)
def index() -> ResponseReturnValue:
    """Show the policies, who uses which, and how the plans in force came about."""
    policies.ensure_presets(get_session(), by=actor())
    return _render_index(DefaultForm(formdata=None))


def _render_index(form: DefaultForm, status: int = 200) -> ResponseReturnValue:
    session, viewer = get_session(), current_viewer()
    since = (now() - DAYS).date()
    sites = access.list_sites(session, viewer=viewer, permission=Permission.VIEW_PLANS)
    form.offer([(site.id, site.name) for site in sites], policies.list_choices(session))
    choices = policy_editing.list_day_choices(session, since=since, viewer=viewer)
    if request.args.get("format") == "csv":
        header = ("day", "site", "policy", "version", "runs", "policies_tried", "moved_by_hand")
        return csv_response(
            "plans-and-policies.csv",
            header,
            (
                (
                    e.plan.day_on.isoformat(),
                    e.plan.site.code,
                    e.policy.code,
                    e.policy.number,
                    e.runs,
                    e.policies,
                    e.moved,
                )
                for e in choices
            ),
        )
    return (
        render_template(
            "policies/index.html",
            policies=policies.list_policies(session),
            use=policy_editing.count_use(session, since=since, viewer=viewer),
            choices=choices,
            defaults=[(site, policies.default_code(session, site)) for site in sites],
            form=form,
            may_edit=can(Permission.EDIT_POLICIES),
        ),
        status,
    )


def _get(policy_code: str) -> Policy:
    return policies.get_policy(get_session(), policy_code)


@blueprint.get("/<policy_code>")
@requires(Permission.VIEW_PLANS)
def show(policy_code: str) -> ResponseReturnValue:
    """Show a policy's numbers, its versions, and what differs between two of them; as a page or as CSV."""
    session = get_session()
    policy = _get(policy_code)
    versions = policies.list_versions(session, policy_code)
    wanted = request.args.get("against", type=int)
    other = next((each for each in versions if each.number == wanted), None)
    if wanted is not None and other is None:
        raise NotFoundError("There is no such version.")
    if other is None and len(versions) > 1:
        other = versions[1]
    values, settings = policy_editing.values_of(policy), policy_editing.list_settings()
    if request.args.get("format") == "csv":
        rows = ((each.key, each.group, each.label, values[each.key], each.least, each.most) for each in settings)
        header = ("key", "group", "name", "value", "least", "most")
        return csv_response(f"policy-{policy.code}-{policy.number}.csv", header, rows)
    return render_template(
        "policies/show.html",
        policy=policy,
        versions=versions,
        other=other,
        differing=policy_editing.compare_versions(other, policy) if other is not None else [],
        settings=settings,
        values=values,
        use=policy_editing.count_use(session, since=(now() - DAYS).date(), viewer=current_viewer()),
        may_edit=can(Permission.EDIT_POLICIES),
        copy_form=CopyForm(formdata=None),
    )


@blueprint.get("/<policy_code>/edit")
@requires(Permission.EDIT_POLICIES)
def edit(policy_code: str) -> ResponseReturnValue:
    """Show the form of the next version."""
    policy = _get(policy_code)
    return _render_edit(policy, policy_form(policy, sent=False))


def _render_edit(policy: Policy, form: PolicyForm, status: int = 200) -> ResponseReturnValue:
    return render_template("policies/edit.html", policy=policy, form=form), status


@blueprint.post("/<policy_code>/edit")
@requires(Permission.EDIT_POLICIES)
def save(policy_code: str) -> ResponseReturnValue:
    """Make the next version."""
    policy = _get(policy_code)
    form = policy_form(policy, sent=True)
    if not form.validate_on_submit():
        return _render_edit(policy, form, 422)
    sent = form.seen.data or ""
    seen = int(sent) if sent.isdecimal() else 0
    try:
        made = policy_editing.save_version(
            get_session(), policy, values=form.numbers(), reason=form.reason.data or "", seen=seen, by=actor()
        )
    except InvalidInputError as error:
        add_error(form, error)
        return _render_edit(policy, form, 422)
    flash_success(f"{made.name} is now version {made.number}. Runs that begin from now on use it.")
    return redirect(url_for(".show", policy_code=policy_code))


@blueprint.post("/<policy_code>/copy")
@requires(Permission.EDIT_POLICIES)
def copy(policy_code: str) -> ResponseReturnValue:
    """Make a new policy with the same numbers."""
    policy, form = _get(policy_code), CopyForm()
    if not form.validate_on_submit():
        raise InvalidInputError("Give the copy a name.", field="name")
    reason = f"Copied from {policy.name}, version {policy.number}."
    made = policy_editing.copy_policy(get_session(), policy, name=form.name.data or "", reason=reason, by=actor())
    return redirect(url_for(".edit", policy_code=made.code))


@blueprint.post("/<policy_code>/retire")
@requires(Permission.EDIT_POLICIES)
def retire(policy_code: str) -> ResponseReturnValue:
    """Offer a policy no more."""
    policy = _get(policy_code)
    policy_editing.retire(get_session(), policy, by=actor())
    flash_undo(f"{policy.name} is retired.", url_for(".restore", policy_code=policy_code))
    return redirect(url_for(".show", policy_code=policy_code))


@blueprint.post("/<policy_code>/restore")
@requires(Permission.EDIT_POLICIES)
def restore(policy_code: str) -> ResponseReturnValue:
    """Offer a policy again."""
    policy_editing.restore(get_session(), _get(policy_code), by=actor())
    return redirect(url_for(".show", policy_code=policy_code))


@blueprint.post("/begin")
@requires(Permission.EDIT_POLICIES)
def set_default() -> ResponseReturnValue:
    """Say with which policy a site begins."""
    session, form = get_session(), DefaultForm()
    sites = access.list_sites(session, viewer=current_viewer(), permission=Permission.EDIT_POLICIES)
    form.offer([(site.id, site.name) for site in sites], policies.list_choices(session))
    if not form.validate_on_submit():
        return _render_index(form, 422)
    site = next(each for each in sites if each.id == form.site.data)
    policy_editing.set_default(session, site, form.policy.data, by=actor())
    flash_success(f"Runs of {site.name} begin with this policy from now on.")
    return redirect(url_for(".index"))
