"""The ladder, a role with the people nearest to it, and one's own path."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp.charts.lattice import Node, Picture, draw_lattice
from webapp.models import ServiceRole, StepKind
from webapp.services import audit, career_flaws, career_routes, careers, readiness
from webapp.services.access import Permission
from webapp.web.guard import requires
from webapp.web.request import can, current_person, current_viewer, get_session, today
from webapp.web.tables import csv_response

blueprint = Blueprint("careers", __name__)


@blueprint.get("/careers")
@requires(Permission.VIEW_CAREERS)
def index() -> ResponseReturnValue:
    """Show the ladder as a picture and a list, or as CSV."""
    session = get_session()
    roles = careers.list_service_roles(session)
    holders = careers.count_holders(session)
    if request.args.get("format") == "csv":
        return _csv(roles, holders)
    return render_template(
        "careers/index.html",
        roles=roles,
        names={role.id: role.name for role in roles},
        holders=holders,
        picture=_picture(roles),
        held_id=current_person().service_role_id,
        flaws=career_flaws.find_flaws(roles) if can(Permission.EDIT_CAREERS) else None,
    )


def _picture(roles: Sequence[ServiceRole]) -> Picture:
    steps = [step for role in roles for step in role.steps]
    return draw_lattice(
        [
            Node(
                key=role.id,
                title=role.name,
                subtitle=f"{role.pay_from:,}–{role.pay_to:,} {role.currency}".replace(",", "\u202f"),
                rung=role.rung,
                outside=role.outside,
            )
            for role in roles
        ],
        up=[(step.from_role_id, step.to_role_id) for step in steps if step.kind is StepKind.UP],
        across=[(step.from_role_id, step.to_role_id) for step in steps if step.kind is StepKind.ACROSS],
    )


def _csv(roles: Sequence[ServiceRole], holders: dict[int, int]) -> ResponseReturnValue:
    codes = {role.id: role.code for role in roles}
    header = ("code", "name", "rung", "outside", "pay_from", "pay_to", "currency", "authority", "holders")
    rows = (
        (
            role.code,
            role.name,
            role.rung,
            "yes" if role.outside else "no",
            role.pay_from,
            role.pay_to,
            role.currency,
            role.authority,
            holders.get(role.id, 0),
            " ".join(f"{line.skill.code}:{line.level}{':gate' if line.gate else ''}" for line in role.requirements),
            " ".join(f"{step.kind.value}:{codes[step.to_role_id]}" for step in role.steps),
        )
        for role in roles
    )
    return csv_response("service-roles.csv", (*header, "requirements", "steps"), rows)


@blueprint.get("/careers/<int:role_id>")
@requires(Permission.VIEW_CAREERS)
def role(role_id: int) -> ResponseReturnValue:
    """Show what a role asks for and pays, where it leads and, to those who may see it, who is near."""
    session = get_session()
    shown = careers.get_service_role(session, role_id)
    near = None
    if can(Permission.VIEW_READINESS):
        near = readiness.list_by_readiness(session, shown, viewer=current_viewer(), on=today(current_person().site))
    if request.args.get("format") == "csv":
        return _people_csv(shown, near or [])
    return render_template(
        "careers/role.html",
        role=shown,
        near=near,
        steps_to=careers.list_steps_to(session, shown),
        holders=careers.count_holders(session).get(shown.id, 0),
        events=audit.history(session, shown) if can(Permission.EDIT_CAREERS) else None,
    )


def _people_csv(shown: ServiceRole, near: Sequence[readiness.PersonReadiness]) -> ResponseReturnValue:
    header = ("number", "name", "team", "site", "readiness", "ready", "open_gates", "missing")
    rows = (
        (
            line.person.external_id,
            line.person.name,
            line.person.team.code if line.person.team else None,
            line.person.site.code,
            round(line.readiness.share, 4),
            "yes" if line.readiness.ready else "no",
            len(line.readiness.unmet_gates),
            " ".join(f"{gap.skill.code}:{gap.gap.has}<{gap.gap.needs}" for gap in line.gaps),
        )
        for line in near
    )
    return csv_response(f"readiness-{shown.code}.csv", header, rows)


@blueprint.get("/careers/mine")
@requires(Permission.KEEP_OWN_RECORD)
def mine() -> ResponseReturnValue:
    """Show the agent their own path: the next step, the ways to a role, and every role with their readiness."""
    session, person = get_session(), current_person()
    path = readiness.path_of(session, person, on=today(person.site))
    ways = career_routes.find_ways(path, target_id=request.args.get("to", type=int))
    return render_template("careers/mine.html", path=path, ways=ways)
