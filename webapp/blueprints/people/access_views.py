"""A person's roles and their means to sign in."""

from __future__ import annotations

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.people.forms import AccountForm, GrantForm
from webapp.blueprints.people.passwords import draw_password, links_work, one_time_link
from webapp.blueprints.people.views import blueprint
from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import Account, Person, Role
from webapp.services import access, accounts, roles
from webapp.services.access import Permission
from webapp.web import shown_once
from webapp.web.guard import requires
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.toasts import flash_success


def _get_person(person_id: int) -> Person:
    return access.get_person(get_session(), person_id, viewer=current_viewer(), permission=Permission.EDIT_PEOPLE)


@blueprint.route("/people/<int:person_id>/access", methods=["GET", "POST"])
@requires(Permission.EDIT_PEOPLE)
def person_access(person_id: int) -> ResponseReturnValue:
    """Show and grant a person's roles, and show whether they can sign in."""
    session, viewer, person = get_session(), current_viewer(), _get_person(person_id)
    grantable = [role for role in Role if role in viewer.grantable()]
    form = GrantForm()
    form.offer(
        grantable,
        access.list_sites(session, viewer=viewer, permission=Permission.EDIT_PEOPLE),
        access.list_teams(session, viewer=viewer, permission=Permission.EDIT_PEOPLE),
    )
    if form.validate_on_submit():
        try:
            roles.grant_role(
                session,
                person,
                role=form.role.data,
                site_id=form.site_id.data,
                team_id=form.team_id.data,
                viewer=viewer,
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        except ConflictError as error:
            add_error(form, InvalidInputError(str(error), field="role"))
        else:
            flash_success(f"{person.name} is now {roles.ROLE_NAMES[form.role.data]}.")
            return redirect(url_for(".person_access", person_id=person.id))
    page = render_template(
        "people/access.html",
        person=person,
        grants=roles.list_grants(session, person),
        role_names=roles.ROLE_NAMES,
        grantable=set(grantable),
        is_self=person.id == viewer.person_id,
        may_manage=roles.may_manage(session, person, viewer=viewer),
        account=accounts.find_account(session, person),
        links_work=links_work(),
        form=form,
    )
    return page, 422 if form.is_submitted() else 200


@blueprint.post("/people/<int:person_id>/roles/<int:grant_id>/withdraw")
@requires(Permission.EDIT_PEOPLE)
def withdraw(person_id: int, grant_id: int) -> ResponseReturnValue:
    """Take a role from a person."""
    person = _get_person(person_id)
    grant = roles.withdraw_role(get_session(), person, grant_id, viewer=current_viewer(), by=actor())
    flash_success(f"{person.name} is no longer {roles.ROLE_NAMES[grant.role]}.")
    return redirect(url_for(".person_access", person_id=person.id))


@blueprint.post("/people/<int:person_id>/account")
@requires(Permission.EDIT_PEOPLE)
def create_account(person_id: int) -> ResponseReturnValue:
    """Create an account, and lead to the page that shows once how its owner gets in."""
    person, first = _get_person(person_id), draw_password()
    way = _way()
    account = accounts.create_account(
        get_session(), person, password_hash=first.hash, viewer=current_viewer(), by=actor()
    )
    return _to_way_in(account, way=way, password=first.text)


@blueprint.post("/people/<int:person_id>/account/password")
@requires(Permission.EDIT_PEOPLE)
def renew_password(person_id: int) -> ResponseReturnValue:
    """Replace a forgotten password, and lead to the page that shows once how the account's owner gets in."""
    person, first = _get_person(person_id), draw_password()
    way = _way()
    account = accounts.find_account(get_session(), person)
    if account is None:
        raise NotFoundError(f"{person.name} has no account.")
    accounts.set_password(get_session(), account, password_hash=first.hash, viewer=current_viewer(), by=actor())
    return _to_way_in(account, way=way, password=first.text)


def _way() -> str:
    form = AccountForm()
    if not form.validate_on_submit() or (form.way.data == "link" and not links_work()):
        abort(400)
    return str(form.way.data)


def _to_way_in(account: Account, *, way: str, password: str) -> ResponseReturnValue:
    made = {"link": one_time_link(account)} if way == "link" else {"password": password}
    shown_once.keep(f"account:{account.person_id}", **made)
    return redirect(url_for(".way_in", person_id=account.person_id))


@blueprint.get("/people/<int:person_id>/account/way-in")
@requires(Permission.EDIT_PEOPLE)
def way_in(person_id: int) -> ResponseReturnValue:
    """Show how somebody gets in, which was just made; later, lead to their roles and sign-in."""
    person = _get_person(person_id)
    account, made = accounts.find_account(get_session(), person), shown_once.take(f"account:{person.id}")
    if account is None or not made:
        return redirect(url_for(".person_access", person_id=person.id))
    return render_template("people/account_ready.html", person=person, account=account, **made)
