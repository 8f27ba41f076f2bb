"""Pages of the skill catalogue."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.catalogue.forms import LINK_WORDS, LinkForm, SkillForm
from webapp.charts.skill_graph import draw_skill_map
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import LinkKind, Skill, SkillKind
from webapp.services import audit, catalogue, skill_graph, skill_links
from webapp.services.access import Permission
from webapp.services.catalogue import CatalogueFilter, ListedSkill
from webapp.services.skill_merging import merging
from webapp.web.arguments import choice_argument
from webapp.web.editing import Conflict, Sent, edit_row, go_on
from webapp.web.guard import requires
from webapp.web.labels import sentence
from webapp.web.request import actor, can, current_person, current_viewer, get_session, today
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("catalogue", __name__, url_prefix="/skills")

HALF_LIVES = (90, 180, 365)
"""Half-lives in days that the form gives as examples."""

KIND_OPTIONS = [(kind.value, sentence(kind)) for kind in SkillKind]


@blueprint.get("")
@requires(Permission.USE_MAINSTAY)
def index() -> ResponseReturnValue:
    """List the skills by group, as a page or as CSV."""
    session = get_session()
    chosen = CatalogueFilter(
        text=request.args.get("q", "").strip(),
        group_id=request.args.get("group", type=int),
        kind=choice_argument("kind", SkillKind),
        retired=bool(request.args.get("retired")),
    )
    skills = catalogue.list_skills(session, chosen, viewer=current_viewer())
    if request.args.get("format") == "csv":
        return _csv(skills)
    page = page_from_request(len(skills), size=100)
    return render_template(
        "catalogue/index.html",
        skills=skills[page.offset : page.offset + page.size],
        page=page,
        ranked=bool(chosen.text),
        group_options=[(group.id, group.name) for group in catalogue.list_groups(session)],
        kind_options=KIND_OPTIONS,
    )


def _csv(skills: Sequence[ListedSkill]) -> ResponseReturnValue:
    header = ["code", "name", "kind", "group", "description", "retired"]
    counted = can(Permission.VIEW_RECORDS)
    rows = (
        [
            line.skill.code,
            line.skill.name,
            line.skill.kind.value,
            line.skill.group.name if line.skill.group else None,
            line.skill.description,
            "yes" if line.skill.retired_at else "no",
            *([line.holders] if counted else []),
        ]
        for line in skills
    )
    return csv_response("skills.csv", [*header, "holders"] if counted else header, rows)


@blueprint.get("/<int:skill_id>")
@requires(Permission.USE_MAINSTAY)
def skill(skill_id: int) -> ResponseReturnValue:
    """Show what a skill is, what it needs, and who holds it among those whom the viewer may see."""
    return _skill_page(catalogue.get_skill(get_session(), skill_id), LinkForm(formdata=None))


def _skill_page(shown: Skill, form: LinkForm, status: int = 200) -> tuple[str, int]:
    session, viewer = get_session(), current_viewer()
    form.offer(found for found in catalogue.list_current_skills(session) if found.id != shown.id)
    on = today(current_person().site)
    around = skill_graph.map_skill(session, shown)
    page = render_template(
        "catalogue/skill.html",
        skill=shown,
        path=skill_links.list_path(session, shown),
        dependents=skill_links.list_dependents(session, shown),
        picture=None if around.alone else draw_skill_map(around),
        uses=catalogue.list_uses(session, shown),
        holders=catalogue.list_holders(session, shown, on, viewer=viewer) if can(Permission.VIEW_RECORDS) else None,
        events=audit.history(session, shown) if can(Permission.EDIT_CATALOGUE) else None,
        former_names=catalogue.list_former_names(session, shown),
        merges=merging.list_merges(session, shown),
        link_words=LINK_WORDS,
        form=form,
    )
    return page, status


@blueprint.get("/<int:skill_id>/holders.csv")
@requires(Permission.VIEW_RECORDS)
def holders(skill_id: int) -> ResponseReturnValue:
    """Answer with the people in the viewer's scope who have a record in a skill."""
    session = get_session()
    shown = catalogue.get_skill(session, skill_id)
    found = catalogue.list_holders(session, shown, today(current_person().site), viewer=current_viewer())
    rows = (
        (
            holder.person.external_id,
            holder.person.name,
            holder.person.team.name if holder.person.team else None,
            holder.projection.effective_level,
            holder.projection.claimed_level,
            "yes" if holder.projection.provisional else "no",
            holder.projection.interest.value,
        )
        for holder in found
    )
    header = ("number", "name", "team", "effective_level", "claimed_level", "provisional", "interest")
    return csv_response(f"{shown.code}-holders.csv", header, rows)


@blueprint.route("/new", methods=["GET", "POST"])
@requires(Permission.EDIT_CATALOGUE)
def create() -> ResponseReturnValue:
    """Add a skill."""
    session, form = get_session(), SkillForm()
    if form.validate_on_submit():
        try:
            added = catalogue.create_skill(session, form.entry(), by=actor())
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success(f"{added.name} is in the catalogue.")
            return redirect(url_for(".skill", skill_id=added.id))
    page = render_template(
        "catalogue/edit.html",
        form=form,
        skill=None,
        groups=catalogue.list_groups(session),
        falls=catalogue.fall_table(HALF_LIVES),
    )
    return page, 422 if form.is_submitted() else 200


@blueprint.route("/<int:skill_id>/edit", methods=["GET", "POST"])
@requires(Permission.EDIT_CATALOGUE)
def edit(skill_id: int) -> ResponseReturnValue:
    """Change a skill; whoever saves second sees what changed and keeps their text."""
    session = get_session()
    shown = catalogue.get_skill(session, skill_id)

    def make(sent: Sent) -> SkillForm:
        form = SkillForm(sent)
        if sent is None:
            form.fill(catalogue.describe(shown))
        return form

    def save(form: SkillForm) -> None:
        catalogue.edit_skill(
            session, shown, form.entry(), version=form.version_number, seen=form.seen_words, by=actor()
        )

    def page(form: SkillForm, conflict: Conflict | None) -> str:
        groups = catalogue.list_groups(session)
        falls = catalogue.fall_table(HALF_LIVES)
        return render_template(
            "catalogue/edit.html", form=form, skill=shown, conflict=conflict, groups=groups, falls=falls
        )

    name, code = shown.name, shown.code

    def done() -> ResponseReturnValue:
        if (shown.name, shown.code) == (name, code):
            return go_on(f"{shown.name} is saved.", url_for(".skill", skill_id=shown.id))
        back = url_for(".rename_back", skill_id=shown.id, name=name, code=code, version=shown.version)
        flash_undo(f"{name} is {shown.name} now. The old name still finds it.", back)
        return redirect(url_for(".skill", skill_id=shown.id))

    return edit_row(
        shown,
        make=make,
        words=lambda: catalogue.words(shown),
        save=save,
        page=page,
        done=done,
    )


@blueprint.post("/<int:skill_id>/rename-back")
@requires(Permission.EDIT_CATALOGUE)
def rename_back(skill_id: int) -> ResponseReturnValue:
    """Take a rename back."""
    session, given = get_session(), request.args
    shown = catalogue.get_skill(session, skill_id)
    catalogue.rename_back(
        session,
        shown,
        name=given.get("name", ""),
        code=given.get("code", ""),
        version=given.get("version", 0, type=int),
        by=actor(),
    )
    flash_success(f"It is {shown.name} again.")
    return redirect(url_for(".skill", skill_id=shown.id))


@blueprint.post("/<int:skill_id>/retire")
@requires(Permission.EDIT_CATALOGUE)
def retire(skill_id: int) -> ResponseReturnValue:
    """Take a skill out of use."""
    session = get_session()
    shown = catalogue.retire_skill(session, catalogue.get_skill(session, skill_id), by=actor())
    flash_undo(f"{shown.name} is retired. Its records are kept.", url_for(".restore", skill_id=shown.id))
    return redirect(url_for(".skill", skill_id=shown.id))


@blueprint.post("/<int:skill_id>/restore")
@requires(Permission.EDIT_CATALOGUE)
def restore(skill_id: int) -> ResponseReturnValue:
    """Take a retired skill into use again."""
    session = get_session()
    shown = catalogue.restore_skill(session, catalogue.get_skill(session, skill_id), by=actor())
    flash_success(f"{shown.name} is in use again.")
    return redirect(url_for(".skill", skill_id=shown.id))


@blueprint.post("/<int:skill_id>/links")
@requires(Permission.EDIT_CATALOGUE)
def add_link(skill_id: int) -> ResponseReturnValue:
    """Link a skill to another."""
    session, form = get_session(), LinkForm()
    shown = catalogue.get_skill(session, skill_id)
    form.offer(catalogue.list_current_skills(session))
    if form.validate():
        try:
            skill_links.add_link(
                session,
                shown,
                other_id=form.other_id.data,
                kind=LinkKind(form.kind.data),
                weight=float(1 if form.weight.data is None else form.weight.data),
                by=actor(),
            )
        except InvalidInputError as error:
            add_error(form, error)
        else:
            flash_success("The link is made.")
            return redirect(url_for(".skill", skill_id=shown.id, _anchor="links"))
    return _skill_page(shown, form, 422)


@blueprint.post("/<int:skill_id>/links/<int:link_id>/remove")
@requires(Permission.EDIT_CATALOGUE)
def remove_link(skill_id: int, link_id: int) -> ResponseReturnValue:
    """Remove a link of a skill."""
    session = get_session()
    shown = catalogue.get_skill(session, skill_id)
    link = skill_links.remove_link(session, shown, link_id, by=actor())
    back = url_for(".restore_link", skill_id=shown.id, kind=link.kind.value, other_id=link.other_id, weight=link.weight)
    flash_undo("The link is removed.", back)
    return redirect(url_for(".skill", skill_id=shown.id, _anchor="links"))


@blueprint.post("/<int:skill_id>/links/<kind>/<int:other_id>")
@requires(Permission.EDIT_CATALOGUE)
def restore_link(skill_id: int, kind: str, other_id: int) -> ResponseReturnValue:
    """Make a link again that was removed."""
    if kind not in set(LinkKind):
        raise NotFoundError("There is no such kind of link.")
    session = get_session()
    shown = catalogue.get_skill(session, skill_id)
    weight = request.args.get("weight", 1.0, type=float)
    skill_links.add_link(session, shown, other_id=other_id, kind=LinkKind(kind), weight=weight, by=actor())
    flash_success("The link is there again.")
    return redirect(url_for(".skill", skill_id=shown.id, _anchor="links"))
