"""Editing service roles and the steps between them."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.careers.forms import RoleForm, StepForm
from webapp.blueprints.careers.views import blueprint
from webapp.errors import ConflictError, InvalidInputError
from webapp.forms import add_error
from webapp.models import ServiceRole, Skill
from webapp.services import careers, catalogue
from webapp.services.access import Permission
from webapp.web.editing import Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.request import actor, get_session
from webapp.web.toasts import flash_success


@blueprint.route("/careers/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CAREERS)
def create() -> ResponseReturnValue:
    """Add a service role."""
    form = RoleForm()
    form.offer(catalogue.list_current_skills(get_session()))
    # The button that adds a line submits the form, so that it works without scripts; nothing is saved by it.
    if form.is_submitted() and not form.more.data and form.validate():
        try:
            role = careers.create_service_role(
                get_session(), code=form.code.data or "", values=form.values(), by=actor()
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{role.name} is on the ladder.")
            return redirect(url_for(".role", role_id=role.id))
    return render_template("careers/edit.html", form=form, role=None), _status(form)


@blueprint.route("/careers/<int:role_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_CAREERS)
def edit(role_id: int) -> ResponseReturnValue:
    """Change a role; whoever saves second sees what changed and keeps their text."""
    session = get_session()
    role = careers.get_service_role(session, role_id)

    def make(sent: Sent) -> RoleForm:
        form = RoleForm(sent, obj=careers.values_of(role))
        form.offer(_offered_skills(role))
        return form

    def save(form: RoleForm) -> None:
        careers.update_service_role(
            session, role, values=form.values(), version=form.version_number, seen=form.seen_words, by=actor()
        )

    return edit_row(
        role,
        make=make,
        words=lambda: careers.describe(role),
        save=save,
        page=lambda form, conflict: render_template("careers/edit.html", form=form, role=role, conflict=conflict),
        done=lambda: go_on(f"{role.name} is saved.", url_for(".role", role_id=role.id)),
        unfinished="more" in request.form,
    )


def _offered_skills(role: ServiceRole) -> list[Skill]:
    """Return the skills of today's catalogue, and those that the role asks for though they are retired."""
    current = catalogue.list_current_skills(get_session())
    return [*current, *(line.skill for line in role.requirements if line.skill.retired_at is not None)]


def _status(form: RoleForm) -> int:
    return 422 if form.is_submitted() and not form.more.data else 200


@blueprint.post("/careers/<int:role_id>/delete")
@requires(Permission.EDIT_CAREERS)
def delete(role_id: int) -> ResponseReturnValue:
    """Remove a role that nobody holds."""
    role = careers.get_service_role(get_session(), role_id)
    careers.delete_service_role(get_session(), role, by=actor())
    flash_success(f"{role.name} is off the ladder.")
    return redirect(url_for(".index"))


@blueprint.route("/careers/<int:role_id>/steps", methods=["GET", "POST"])
@requires(Permission.EDIT_CAREERS)
def steps(role_id: int) -> ResponseReturnValue:
    """Show, add and remove the steps that leave a role."""
    session = get_session()
    role = careers.get_service_role(session, role_id)
    form = StepForm()
    form.offer([other for other in careers.list_service_roles(session) if other.id != role.id])
    if form.validate_on_submit():
        try:
            careers.add_step(session, role, to_role_id=form.to_role_id.data or 0, kind=form.kind.data, by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        except ConflictError as error:
            add_error(form, InvalidInputError(str(error), field="to_role_id"))
        else:
            flash_success("The step is added.")
            return redirect(url_for(".steps", role_id=role.id))
    page = render_template("careers/steps.html", role=role, form=form)
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/careers/<int:role_id>/steps/<int:step_id>/remove")
@requires(Permission.EDIT_CAREERS)
def remove_step(role_id: int, step_id: int) -> ResponseReturnValue:
    """Remove a step from a role."""
    role = careers.get_service_role(get_session(), role_id)
    careers.remove_step(get_session(), role, step_id, by=actor())
    flash_success("The step is removed.")
    return redirect(url_for(".steps", role_id=role.id))
