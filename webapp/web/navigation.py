"""The main navigation: which pages there are, for whom, and under which icon; the command palette lists the same."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app, request, url_for

from webapp.services import notices
from webapp.services.access import Permission
from webapp.web.request import can, current_person, get_session


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the navigation; ``keys`` opens it from anywhere."""

    endpoint: str
    label: str
    icon: str
    permission: Permission
    section: str
    keys: str = ""

    @property
    def url(self) -> str:
        """Address of the page."""
        return url_for(self.endpoint)


ENTRIES = (
    Entry("day.index", "My day", "calendar2-day", Permission.WORK_OWN_DAY, "Mine", "g d"),
    Entry("records.index", "My skills", "stars", Permission.KEEP_OWN_RECORD, "Mine", "g s"),
    Entry("careers.mine", "My path", "signpost-split", Permission.KEEP_OWN_RECORD, "Mine", "g c"),
    Entry("reviews.index", "Reviews", "inbox", Permission.REVIEW_RECORDS, "Team", "g r"),
    Entry("teams.heat_map", "Heat map", "grid-3x3-gap", Permission.VIEW_RECORDS, "Team", "g h"),
    Entry("plans.index", "Plans", "bar-chart-steps", Permission.VIEW_PLANS, "Scheduling", "g p"),
    Entry("engagements.index", "Engagements", "envelope-paper", Permission.VIEW_WORK, "Scheduling", "g e"),
    Entry("types.index", "Engagement types", "tags", Permission.VIEW_WORK, "Scheduling", "g t"),
    Entry("roster.index", "Roster", "clock-history", Permission.VIEW_ROSTER, "Scheduling", "g o"),
    Entry("search.index", "Who can", "search-heart", Permission.SEARCH_SKILLS, "People", "g w"),
    Entry("people.index", "People", "people", Permission.VIEW_PEOPLE, "People", "g u"),
    Entry("catalogue.index", "Skills", "diagram-3", Permission.USE_MAINSTAY, "People", "g k"),
    Entry("careers.index", "Ladder", "ladder", Permission.VIEW_CAREERS, "People", "g l"),
    Entry("profiles.index", "Hiring profiles", "person-plus", Permission.MANAGE_PROFILES, "People", "g f"),
    Entry("imports.index", "Imports", "cloud-upload", Permission.IMPORT_DIRECTORY, "Data", "g i"),
    Entry("imports.work_index", "Imports", "cloud-upload", Permission.IMPORT_WORK, "Data", "g i"),
    Entry("jobs.index", "Jobs", "gear-wide-connected", Permission.MANAGE_JOBS, "Data", "g j"),
    Entry("audit.index", "Audit trail", "shield-check", Permission.VIEW_AUDIT, "Data", "g a"),
)


def entries() -> list[Entry]:
    """Return the pages that the person who is signed in may open, one for each label."""
    shown: dict[str, Entry] = {}
    for entry in ENTRIES:
        if entry.endpoint in current_app.view_functions and can(entry.permission):
            shown.setdefault(entry.label, entry)
    return list(shown.values())


def is_current(entry: Entry) -> bool:
    """Return whether the present page belongs to an entry: by its address, else as the first of its feature."""
    endpoint = request.endpoint or ""
    shown = entries()
    above = [other for other in shown if f"{request.path}/".startswith(f"{other.url}/")]
    if above:
        return max(above, key=lambda other: len(other.url)).endpoint == entry.endpoint
    same = [other for other in shown if other.endpoint.partition(".")[0] == endpoint.partition(".")[0]]
    return bool(same) and same[0].endpoint == entry.endpoint


def sections() -> dict[str, list[Entry]]:
    """Return the pages by the heading under which they stand."""
    headings: dict[str, list[Entry]] = {}
    for entry in entries():
        headings.setdefault(entry.section, []).append(entry)
    return headings


def unread_notices() -> int:
    """Return the number at the bell."""
    return notices.count_unread(get_session(), current_person().id)


def install(app: Flask) -> None:
    """Give templates the navigation and the number at the bell."""
    app.context_processor(
        lambda: {
            "navigation": entries,
            "navigation_sections": sections,
            "is_current": is_current,
            "unread_notices": unread_notices,
        }
    )
