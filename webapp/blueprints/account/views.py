"""One's own account: who one is here, what one may do, and how one signs in."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from webapp.services import audit
from webapp.services.access import PERMISSIONS, Permission
from webapp.web.guard import requires
from webapp.web.request import can, current_person, get_session

blueprint = Blueprint("account", __name__, url_prefix="/account")


@blueprint.get("")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """Show the person's account, roles and sign-ins."""
    person = current_person()
    grants = [(grant, sorted(PERMISSIONS[grant.role])) for grant in person.grants]
    events = audit.person_history(get_session(), person.id, limit=20)
    return render_template(
        "account/index.html",
        person=person,
        grants=grants,
        events=events,
        can_work_own_day=can(Permission.WORK_OWN_DAY),
    )
