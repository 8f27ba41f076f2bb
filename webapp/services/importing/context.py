"""What the kinds of import share while a file is gone through: problems, references, scope, times of day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import EngagementType, Person, ServiceRole, Site, Skill, SkillGroup, Team
from webapp.services import zones
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.importing.problems import Problem, Problems, near_match, shorten
from webapp.services.importing.values import MOMENTS
from webapp.services.importing.writing import Checker

_SUGGESTIONS = 50
"""Near matches looked for in one file: comparing with every known id takes time."""


@dataclass(frozen=True, slots=True)
class PersonRef:
    """A person as rows refer to them."""

    id: int
    site_id: int


@dataclass(frozen=True, slots=True)
class ParsedRow:
    """A row whose cells were read: its number, and the values of the file's columns; empty cells are None."""

    number: int
    values: Mapping[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a column's value, or the default if the cell is empty or the column is not there."""
        value = self.values.get(name)
        return default if value is None else value


@dataclass
class Context:
    """
    One pass over one file.

    Parameters
    ----------
    session
        Session of the pass.
    sink
        Counts or writes.
    by
        Who imports, and when.
    viewer
        Whose scope limits the rows; None for the operator at the console, whom none limits.
    permission
        The permission whose scope it is.
    mapping
        Column → header of the file.
    site
        Where rows belong that name no site.
    options
        Further choices of the kind.
    batch_id
        The import, once it is kept.
    """

    session: Session
    sink: Checker
    by: Actor
    viewer: Viewer | None
    permission: Permission
    mapping: Mapping[str, str]
    site: Site | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    batch_id: int | None = None
    problems: Problems = field(default_factory=Problems)
    notes: list[str] = field(default_factory=list)
    categories: dict[str, int] = field(default_factory=dict)
    rejected: list[Problem] = field(default_factory=list)
    _keys: dict[tuple[str, Any], int] = field(default_factory=dict)
    _suggested: int = 0

    def problem(self, row: int, column: str, value: object, code: str, message: str, accepted: str = "") -> None:
        """Note a problem of a row; ``column`` is a column's name and is shown as the file's header."""
        header = self.mapping.get(column, column)
        self.problems.add(Problem(row, header, shorten(str(value)), code, message, accepted))

    def first_of_key(self, row: int, column: str, value: Any, *, what: str = "") -> bool:
        """
        Return whether no earlier row has this value in what identifies rows; else note both rows.

        ``what`` names it where that is more than the column.
        """
        earlier = self._keys.setdefault((what or column, value), row)
        if earlier == row:
            return True
        shown = " · ".join(map(str, value)) if isinstance(value, tuple) else value
        name = what or self.mapping.get(column, column)
        message, accepted = f"Rows {earlier} and {row} have the same {name}.", "Each may stand in one row only."
        self.problem(row, column, shown, "duplicate_key", message, accepted)
        return False

    def unknown(
        self, row: int, column: str, value: str, what: str, known: Iterable[str], *, in_scope: bool = False
    ) -> None:
        """Note a reference to something that is not there (or not ``in_scope``), with what may have been meant."""
        self._suggested += 1
        suggestion = near_match(value, known) if self._suggested <= _SUGGESTIONS else ""
        self.problem(
            row,
            column,
            value,
            f"unknown_{what.replace(' ', '_')}",
            f"There is no such {what}{' in the sites that you serve' if in_scope and self.viewer else ''}.{suggestion}",
            f"The id or code of an existing {what}.",
        )

    def covers(self, site_id: int) -> bool:
        """Return whether rows of a site may be imported."""
        return self._site_ids is None or site_id in self._site_ids

    @cached_property
    def _site_ids(self) -> frozenset[int] | None:
        if self.viewer is None:
            return None
        scope = self.viewer.scope(self.permission)
        return None if scope.everywhere else scope.site_ids

    def out_of_scope(self, row: int, column: str, value: object) -> None:
        """Note that what a row would change belongs to a site that the importer does not serve."""
        self.problem(
            row,
            column,
            value,
            "out_of_scope",
            "This id is in use at a site that you do not serve.",
            "Ids of the sites that you serve.",
        )

    def site_of(self, row: ParsedRow, *, column: str = "site") -> Site | None:
        """Return the site that a row names, else that of the import; None and a problem if there is none in scope."""
        code = row.get(column)
        if code is None:
            if self.site is None:
                self.problem(
                    row.number,
                    column,
                    "",
                    "required",
                    "No site is given.",
                    "A site's code, or choose one site for the file.",
                )
            return self.site
        site = self.sites.get(code)
        if site is None or not self.covers(site.id):
            known = [key for key, other in self.sites.items() if self.covers(other.id)]
            self.unknown(row.number, column, code, "site", known, in_scope=True)
            return None
        return site

    def person_of(self, row: ParsedRow, *, column: str = "person") -> PersonRef | None:
        """Return the person whom a row names, or None and a problem if they are unknown or out of scope."""
        external_id = row.get(column)
        person = self.people.get(external_id)
        if person is None or not self.covers(person.site_id):
            # Somebody of another site is answered like nobody: whether the id exists there is not the importer's to
            # know.
            known = (key for key, other in self.people.items() if self.covers(other.site_id))
            self.unknown(row.number, column, external_id, "person", known, in_scope=True)
            return None
        return person

    def moment_of(self, row: int, column: str, value: dt.datetime, zone: str) -> dt.datetime | None:
        """Return a moment in UTC; a time that the site's clock skips or shows twice is a problem."""
        if value.tzinfo is not None:
            return value.astimezone(dt.UTC)
        try:
            return zones.to_utc(value, zone)
        except InvalidInputError as error:
            code = "ambiguous_time" if "twice" in str(error) else "skipped_time"
            self.problem(row, column, value.isoformat(sep=" "), code, str(error).partition(" Say ")[0], MOMENTS)
            return None

    @cached_property
    def sites(self) -> dict[str, Site]:
        """All sites by code."""
        return {site.code: site for site in self.session.scalars(select(Site))}

    @cached_property
    def sites_by_id(self) -> dict[int, Site]:
        """All sites by database key."""
        return {site.id: site for site in self.sites.values()}

    @cached_property
    def teams(self) -> dict[str, tuple[int, int]]:
        """Team code → (team, site)."""
        return {
            code: (team, site) for code, team, site in self.session.execute(select(Team.code, Team.id, Team.site_id))
        }

    @cached_property
    def skills(self) -> dict[str, int]:
        """Skill code → skill, without retired ones."""
        return dict(self.session.execute(select(Skill.code, Skill.id).where(Skill.retired_at.is_(None))).all())

    @cached_property
    def groups(self) -> dict[str, int]:
        """Skill group code → skill group."""
        return dict(self.session.execute(select(SkillGroup.code, SkillGroup.id)).all())

    @cached_property
    def service_roles(self) -> dict[str, int]:
        """Service role code → service role."""
        return dict(self.session.execute(select(ServiceRole.code, ServiceRole.id)).all())

    @cached_property
    def types(self) -> dict[str, EngagementType]:
        """Engagement types in use by code."""
        return {kind.code: kind for kind in self.session.scalars(select(EngagementType).where(EngagementType.active))}

    @cached_property
    def people(self) -> dict[str, PersonRef]:
        """People by external id."""
        rows = self.session.execute(select(Person.external_id, Person.id, Person.site_id))
        return {external_id: PersonRef(person_id, site_id) for external_id, person_id, site_id in rows}
