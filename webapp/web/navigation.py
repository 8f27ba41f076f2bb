"""The main navigation: which pages there are, for whom, and under which icon; the command palette lists the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, g, request, url_for

from webapp.services import notices
from webapp.services.access import Permission
from webapp.web.request import current_person, current_viewer, get_session, is_signed_in


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
        """Address of the page, found once for each page that shows it: it stands there three times."""
        found: dict[str, str] = g.setdefault("navigation_urls", {})
        if self.endpoint not in found:
            found[self.endpoint] = url_for(self.endpoint)
        return found[self.endpoint]


ENTRIES = (
    Entry("day.index", "My day", "calendar2-day", Permission.WORK_OWN_DAY, "Mine", "g d"),
    Entry("week.index", "My week", "calendar2-week", Permission.WORK_OWN_DAY, "Mine", "g 8"),
    Entry("talk.index", "Threads", "chat-left-dots", Permission.TALK, "Mine", "g 4"),
    Entry("records.index", "My skills", "stars", Permission.KEEP_OWN_RECORD, "Mine", "g s"),
    Entry("careers.mine", "My path", "signpost-split", Permission.KEEP_OWN_RECORD, "Mine", "g c"),
    Entry("evidence.colleagues", "Colleagues", "hand-thumbs-up", Permission.ENDORSE_COLLEAGUES, "Mine", "g n"),
    Entry("reviews.index", "Reviews", "inbox", Permission.REVIEW_RECORDS, "Team", "g r"),
    Entry("reviews.overdue", "Overdue reviews", "alarm", Permission.SEE_OVERDUE_REVIEWS, "Team", "g v"),
    Entry("evidence.index", "Evidence", "patch-check", Permission.ACCEPT_EVIDENCE, "Team", "g q"),
    Entry("teams.heat_map", "Heat map", "grid-3x3-gap", Permission.VIEW_RECORDS, "Team", "g h"),
    Entry("hidden.index", "Hidden skills", "eye-slash", Permission.VIEW_RECORDS, "Team", "g y"),
    Entry("calibration.index", "Calibration", "bullseye", Permission.VIEW_CALIBRATION, "Team", "g m"),
    Entry("coverage.index", "Coverage", "shield-exclamation", Permission.VIEW_RECORDS, "Team"),
    Entry("board.index", "Board", "kanban", Permission.VIEW_PLANS, "Scheduling", "g 1"),
    Entry("huddle.index", "Huddle", "people", Permission.VIEW_PLANS, "Scheduling", "g 5"),
    Entry("routing.index", "Live routing", "signpost-2", Permission.VIEW_ROUTING, "Scheduling", "g 3"),
    Entry("plans.index", "Plans", "bar-chart-steps", Permission.VIEW_PLANS, "Scheduling", "g p"),
    Entry("scenarios.index", "What if", "diagram-2", Permission.VIEW_PLANS, "Scheduling"),
    Entry("policies.index", "Policies", "sliders", Permission.VIEW_PLANS, "Scheduling"),
    Entry("simulations.index", "Simulations", "shuffle", Permission.VIEW_PLANS, "Scheduling"),
    Entry("engagements.index", "Engagements", "envelope-paper", Permission.VIEW_WORK, "Scheduling", "g e"),
    Entry("intake.review", "To sort", "inboxes", Permission.EDIT_WORK, "Scheduling", "g 6"),
    Entry("slipping.index", "About to slip", "hourglass-split", Permission.VIEW_WORK, "Scheduling", "g 2"),
    Entry("check_ins.index", "Check-ins", "send", Permission.VIEW_WORK, "Scheduling"),
    Entry("types.index", "Engagement types", "tags", Permission.VIEW_WORK, "Scheduling", "g t"),
    Entry("blocks.index", "Blocks", "calendar2-range", Permission.RUN_PLANS, "Scheduling"),
    Entry("roster.index", "Roster", "clock-history", Permission.VIEW_ROSTER, "Scheduling", "g o"),
    Entry("search.index", "Who can", "search-heart", Permission.SEARCH_SKILLS, "People", "g w"),
    Entry("people.index", "People", "people", Permission.VIEW_PEOPLE, "People", "g u"),
    Entry("catalogue.index", "Skills", "diagram-3", Permission.USE_MAINSTAY, "People", "g k"),
    Entry("taxonomies.index", "Taxonomies", "book", Permission.EDIT_CATALOGUE, "People", "g x"),
    Entry("evidence.issuers", "Badge issuers", "award", Permission.MANAGE_BADGES, "People", "g b"),
    Entry("careers.index", "Ladder", "ladder", Permission.VIEW_CAREERS, "People", "g l"),
    Entry("profiles.index", "Hiring profiles", "person-plus", Permission.MANAGE_PROFILES, "People", "g f"),
    Entry("imports.index", "Imports", "cloud-upload", Permission.IMPORT_DIRECTORY, "Data", "g i"),
    Entry("imports.work_index", "Imports", "cloud-upload", Permission.IMPORT_WORK, "Data", "g i"),
    Entry("intake.index", "Work sources", "plug", Permission.MANAGE_INTAKE, "Data", "g 7"),
    Entry("calibration.criteria", "Quality criteria", "ui-checks", Permission.EDIT_CATALOGUE, "Data", "g z"),
    Entry("connections.index", "Connections", "plug", Permission.MANAGE_CONNECTIONS, "Data"),
    Entry("connections.webhooks_index", "Webhooks", "broadcast", Permission.MANAGE_CONNECTIONS, "Data"),
    Entry("jobs.index", "Jobs", "gear-wide-connected", Permission.MANAGE_JOBS, "Data", "g j"),
    Entry("tokens.index", "API tokens", "key", Permission.MANAGE_TOKENS, "Data"),
    Entry("audit.index", "Audit trail", "shield-check", Permission.VIEW_AUDIT, "Data", "g a"),
)

THUMBS = (
    "day.index",
    "reviews.index",
    "board.index",
    "slipping.index",
    "engagements.index",
    "search.index",
    "people.index",
    "talk.index",
)
"""What people come for first: it stands at the bottom of a phone, before the others in the order of the menu."""


def entries() -> list[Entry]:
    """Return the pages that the person who is signed in may open, one for each label."""
    if not is_signed_in():
        return []
    viewer, shown = current_viewer(), dict[str, Entry]()
    for entry in ENTRIES:
        if entry.endpoint in current_app.view_functions and viewer.can(entry.permission):
            shown.setdefault(entry.label, entry)
    return list(shown.values())


def shown_entries() -> list[Entry]:
    """Return the same, found once for each page: it stands in the sidebar, the drawer and the bottom bar."""
    if "navigation" not in g:
        g.navigation = entries()
    return cast(list[Entry], g.navigation)


def thumb_entries() -> list[Entry]:
    """Return the same, what one comes for first at the front."""
    last = len(THUMBS)
    places = {endpoint: place for place, endpoint in enumerate(THUMBS)}
    return sorted(shown_entries(), key=lambda entry: places.get(entry.endpoint, last))


def is_current(entry: Entry) -> bool:
    """Return whether the present page belongs to an entry: by its address, else as the first of its feature."""
    if "current_entry" not in g:
        g.current_entry = _find_current(shown_entries())
    return bool(g.current_entry == entry.endpoint)


def _find_current(shown: Sequence[Entry]) -> str | None:
    addresses = {other.endpoint: other.url for other in shown}
    above = [endpoint for endpoint, url in addresses.items() if f"{request.path}/".startswith(f"{url}/")]
    if above:
        return max(above, key=lambda endpoint: len(addresses[endpoint]))
    feature = (request.endpoint or "").partition(".")[0]
    return next((endpoint for endpoint in addresses if endpoint.partition(".")[0] == feature), None)


def sections() -> dict[str, list[Entry]]:
    """Return the pages by the heading under which they stand."""
    headings: dict[str, list[Entry]] = {}
    for entry in shown_entries():
        headings.setdefault(entry.section, []).append(entry)
    return headings


def unread_notices() -> int:
    """Return the number at the bell."""
    return notices.count_unread(get_session(), current_person().id)


def install(app: Flask) -> None:
    """Give templates the navigation and the number at the bell."""
    app.context_processor(
        lambda: {
            "navigation": shown_entries,
            "navigation_sections": sections,
            "thumb_navigation": thumb_entries,
            "is_current": is_current,
            "unread_notices": unread_notices,
        }
    )
