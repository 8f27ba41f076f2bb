"""The main navigation: which pages there are, for whom, and under which icon; the command palette lists the same."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app, url_for

from webapp.services.access import Permission
from webapp.web.request import can


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of the navigation."""

    endpoint: str
    label: str
    icon: str
    permission: Permission
    section: str

    @property
    def url(self) -> str:
        """Address of the page."""
        return url_for(self.endpoint)


ENTRIES = (
    Entry("day.index", "My day", "calendar2-day", Permission.WORK_OWN_DAY, "Mine"),
    Entry("records.index", "My skills", "stars", Permission.KEEP_OWN_RECORD, "Mine"),
    Entry("careers.mine", "My path", "signpost-split", Permission.KEEP_OWN_RECORD, "Mine"),
    Entry("reviews.index", "Reviews", "inbox", Permission.REVIEW_RECORDS, "Team"),
    Entry("teams.heat_map", "Heat map", "grid-3x3-gap", Permission.VIEW_RECORDS, "Team"),
    Entry("plans.index", "Plans", "bar-chart-steps", Permission.VIEW_PLANS, "Scheduling"),
    Entry("engagements.index", "Engagements", "envelope-paper", Permission.VIEW_WORK, "Scheduling"),
    Entry("types.index", "Engagement types", "tags", Permission.VIEW_WORK, "Scheduling"),
    Entry("roster.index", "Roster", "clock-history", Permission.VIEW_ROSTER, "Scheduling"),
    Entry("search.index", "Who can", "search-heart", Permission.SEARCH_SKILLS, "People"),
    Entry("people.index", "People", "people", Permission.VIEW_PEOPLE, "People"),
    Entry("catalogue.index", "Skills", "diagram-3", Permission.USE_MAINSTAY, "People"),
    Entry("careers.index", "Ladder", "ladder", Permission.VIEW_CAREERS, "People"),
    Entry("profiles.index", "Hiring profiles", "person-plus", Permission.MANAGE_PROFILES, "People"),
    Entry("imports.index", "Imports", "cloud-upload", Permission.IMPORT_DIRECTORY, "Data"),
    Entry("imports.work_index", "Imports", "cloud-upload", Permission.IMPORT_WORK, "Data"),
    Entry("jobs.index", "Jobs", "gear-wide-connected", Permission.MANAGE_JOBS, "Data"),
    Entry("audit.index", "Audit trail", "shield-check", Permission.VIEW_AUDIT, "Data"),
)


def entries() -> list[Entry]:
    """Return the pages that the person who is signed in may open, one for each label."""
    shown: dict[str, Entry] = {}
    for entry in ENTRIES:
        if entry.endpoint in current_app.view_functions and can(entry.permission):
            shown.setdefault(entry.label, entry)
    return list(shown.values())


def install(app: Flask) -> None:
    """Give templates the navigation."""
    app.context_processor(lambda: {"navigation": entries})
