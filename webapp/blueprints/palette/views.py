"""What the command palette finds, as JSON."""

from __future__ import annotations

from flask import Blueprint, jsonify, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services import palette
from webapp.services.access import Permission
from webapp.web.filters import has_page
from webapp.web.guard import requires
from webapp.web.navigation import entries
from webapp.web.request import current_viewer, get_session

blueprint = Blueprint("palette", __name__, url_prefix="/palette")

_CHOICES = 50


@blueprint.get("")
@requires(Permission.USE_MAINSTAY)
def find() -> ResponseReturnValue:
    """Find pages, people and skills by a few letters."""
    words = request.args.get("q", "").strip()
    hits = [
        {"kind": "page", "text": entry.label, "detail": entry.section, "url": entry.url}
        for entry in sorted(entries(), key=lambda entry: not entry.label.lower().startswith(words.lower()))
        if palette.matches(entry.label, words)
    ]
    if words and has_page("people.person"):
        hits += [
            {
                "kind": "person",
                "text": person.name,
                "detail": person.team.name if person.team else person.site.name,
                "url": url_for("people.person", person_id=person.id),
            }
            for person in palette.find_people(get_session(), words, viewer=current_viewer())
        ]
    if words and has_page("catalogue.skill"):
        hits += [
            {
                "kind": "skill",
                "text": skill.name,
                "detail": skill.group.name if skill.group else "",
                "url": url_for("catalogue.skill", skill_id=skill.id),
            }
            for skill in palette.find_skills(get_session(), words)
        ]
    return jsonify({"query": words, "hits": hits})


@blueprint.get("/skills")
@requires(Permission.USE_MAINSTAY)
def skills() -> ResponseReturnValue:
    """Find skills in use by name, code or synonym, the best first, for fields that choose one."""
    words = request.args.get("q", "").strip()
    found = palette.find_skills(get_session(), words, limit=_CHOICES) if words else []
    return jsonify({"query": words, "ids": [skill.id for skill in found]})
