"""Pages that look around in taxonomies and take concepts into the catalogue."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.taxonomies.forms import is_number, read_choices
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import ConceptKind, LabelKind, RelationKind, SkillKind, Taxonomy, TaxonomyCode
from webapp.services import catalogue
from webapp.services.access import Permission
from webapp.services.taxonomies import browsing, history, picking, releases
from webapp.services.taxonomies.attribution import PUBLICATIONS
from webapp.services.taxonomies.browsing import PICKABLE, ConceptFilter
from webapp.web.arguments import choice_argument
from webapp.web.guard import requires
from webapp.web.labels import sentence
from webapp.web.request import actor, get_session
from webapp.web.tables import csv_response, page_from_request
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("taxonomies", __name__, url_prefix="/taxonomies")

KIND_WORDS = {
    ConceptKind.SKILL: "Skills",
    ConceptKind.KNOWLEDGE: "Knowledge",
    ConceptKind.TECHNOLOGY: "Technologies",
    ConceptKind.GROUP: "Groups",
    ConceptKind.OCCUPATION: "Occupations",
    ConceptKind.OCCUPATION_GROUP: "Groups of occupations",
}
ASKED_WORDS = {
    RelationKind.ESSENTIAL: "Essential",
    RelationKind.OPTIONAL: "Optional",
    RelationKind.RELATED: "Related",
}


@blueprint.app_template_filter()
def first_up(label: str) -> str:
    """Return a label that begins with a capital, as a heading does; taxonomies write small letters."""
    return label[:1].upper() + label[1:]


@blueprint.get("")
@requires(Permission.EDIT_CATALOGUE)
def index() -> ResponseReturnValue:
    """List the taxonomies, what is picked of them, and their releases; the releases as CSV, too."""
    session = get_session()
    found = [releases.find_taxonomy(session, code) for code in TaxonomyCode]
    listed = history.list_releases(session)
    if request.args.get("format") == "csv":
        header = ("taxonomy", "release", "state", "file", "by", "uploaded_at", "applied_at")
        rows = [
            (
                release.taxonomy.code.value,
                release.name,
                release.state.value,
                release.file_name,
                release.created_by.name if release.created_by else "operator",
                release.created_at.isoformat(),
                release.applied_at.isoformat() if release.applied_at else None,
            )
            for release in listed
        ]
        return csv_response("taxonomy-releases.csv", header, rows)
    page = page_from_request(len(listed))
    return render_template(
        "taxonomies/index.html",
        publications=PUBLICATIONS,
        taxonomies=[
            (
                taxonomy,
                releases.current_release(session, taxonomy),
                browsing.count_kinds(session, taxonomy),
                history.list_orphans(session, taxonomy),
            )
            for taxonomy in found
            if taxonomy is not None
        ],
        kind_words=KIND_WORDS,
        history=listed[page.offset : page.offset + page.size],
        page=page,
    )


@blueprint.get("/<any(esco, onet):code>")
@requires(Permission.EDIT_CATALOGUE)
def browse(code: str) -> ResponseReturnValue:
    """Look around in a taxonomy: by group, by kind, by what somebody typed; as a page or as CSV."""
    session = get_session()
    taxonomy = releases.get_taxonomy(session, code)
    chosen = ConceptFilter(
        text=request.args.get("q", "").strip(),
        kind=choice_argument("kind", ConceptKind),
        group_id=request.args.get("group", type=int),
        collection=request.args.get("collection", ""),
    )
    if request.args.get("format") == "csv":
        return _csv(taxonomy, chosen)
    group = None if chosen.group_id is None else browsing.get_concept(session, chosen.group_id)
    # At the top of the tree its groups are what there is to see; a list of everything helps nobody.
    listing = chosen != ConceptFilter()
    page = page_from_request(browsing.count_concepts(session, taxonomy, chosen) if listing else 0)
    return render_template(
        "taxonomies/browse.html",
        taxonomy=taxonomy,
        publication=PUBLICATIONS[taxonomy.code],
        release=releases.current_release(session, taxonomy),
        counts=browsing.count_kinds(session, taxonomy),
        kind_words=KIND_WORDS,
        collection_options=[(name, sentence(name)) for name in browsing.list_collections(session, taxonomy)],
        group=group,
        path=[] if group is None else browsing.list_path(session, group),
        subgroups=browsing.list_roots(session, taxonomy) if group is None else browsing.list_subgroups(session, group),
        listing=listing,
        concepts=browsing.list_concepts(session, taxonomy, chosen, offset=page.offset, limit=page.size)
        if listing
        else [],
        page=page,
        pickable=PICKABLE,
    )


def _csv(taxonomy: Taxonomy, chosen: ConceptFilter) -> ResponseReturnValue:
    session = get_session()
    listed = browsing.list_concepts(
        session, taxonomy, chosen, limit=browsing.count_concepts(session, taxonomy, chosen) or 1
    )
    header = ("uri", "code", "kind", "label", "description", "skill")
    rows = (
        (
            line.concept.uri,
            line.concept.code,
            line.concept.kind.value,
            line.concept.label,
            line.concept.description,
            line.skill.code if line.skill else None,
        )
        for line in listed
    )
    return csv_response(f"{taxonomy.code.value}.csv", header, rows)


@blueprint.get("/concepts/<int:concept_id>")
@requires(Permission.EDIT_CATALOGUE)
def concept(concept_id: int) -> ResponseReturnValue:
    """Show a concept: its names, where it belongs, what it asks for and who asks for it."""
    session = get_session()
    shown = browsing.get_concept(session, concept_id)
    asked = {kind: browsing.list_asked(session, shown, kind) for kind in ASKED_WORDS}
    return render_template(
        "taxonomies/concept.html",
        concept=shown,
        publication=PUBLICATIONS[shown.taxonomy.code],
        skill=browsing.skills_of(session, [shown]).get(shown.id),
        path=browsing.list_path(session, shown),
        broader=browsing.list_broader(session, shown),
        asked={kind: lines for kind, lines in asked.items() if lines},
        asked_words=ASKED_WORDS,
        asking=browsing.list_asking(session, shown),
        label_kinds=LabelKind,
        kind_words=KIND_WORDS,
        pickable=PICKABLE,
    )


@blueprint.route("/pick", methods=["GET", "POST"])
@requires(Permission.EDIT_CATALOGUE)
def pick() -> ResponseReturnValue:
    """Show what was ticked beside what the catalogue has already, and add it."""
    if request.method == "GET":
        return _pick_page([int(text) for text in request.args.getlist("concept") if is_number(text)])
    ids = [int(text) for text in request.form.getlist("concept") if is_number(text)]
    try:
        picked = picking.pick(get_session(), read_choices(request.form), by=actor())
    except (InvalidInputError, ConflictError) as error:
        shown = [int(text) for text in request.form.getlist("shown") if is_number(text)] or ids
        return _pick_page(shown, error=error), 409 if isinstance(error, ConflictError) else 422
    count = len(picked.skills)
    links = f", with {picked.links} {'link' if picked.links == 1 else 'links'} between skills" if picked.links else ""
    flash_undo(
        f"{count} {'skill is' if count == 1 else 'skills are'} in the catalogue{links}.",
        url_for(".undo_pick", event_id=picked.event_id),
    )
    return redirect(url_for("catalogue.index"))


def _pick_page(ids: Sequence[int], *, error: Exception | None = None) -> str:
    session = get_session()
    refused = error
    try:
        candidates = picking.list_candidates(session, ids)
    except InvalidInputError as too_many:
        candidates, refused = picking.list_candidates(session, ids[: picking.MOST_AT_ONCE]), too_many
    # What looks like a skill of the catalogue is not ticked until somebody says that it is something else.
    ticked = set(request.form.getlist("concept"))
    if request.method == "GET":
        ticked = {str(candidate.concept.id) for candidate in candidates if not candidate.alike}
    codes = {candidate.concept.taxonomy_id: candidate.concept.taxonomy.code for candidate in candidates}
    return render_template(
        "taxonomies/pick.html",
        candidates=candidates,
        ticked=ticked,
        there=len(dict.fromkeys(ids)) - len(candidates),
        error=refused,
        kinds=[(kind.value, sentence(kind)) for kind in SkillKind],
        groups=catalogue.list_groups(session),
        publications=[PUBLICATIONS[code] for code in codes.values()],
    )


@blueprint.post("/picks/<int:event_id>/undo")
@requires(Permission.EDIT_CATALOGUE)
def undo_pick(event_id: int) -> ResponseReturnValue:
    """Take skills out of the catalogue that were picked at one time."""
    names = picking.undo(get_session(), event_id, by=actor())
    flash_success(f"Out of the catalogue again: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}.")
    return redirect(url_for("catalogue.index"))
