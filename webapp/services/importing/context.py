"""What the kinds of import share while a file is gone through: problems, references, scope, times of day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from webapp.errors import InvalidInputError
from webapp.models import EngagementType, Person, ServiceRole, Site, Skill, SkillEventKind, SkillGroup, Team
from webapp.services import zones
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.importing.keys import FirstRows
from webapp.services.importing.problems import Problem, Problems, near_match, shorten
from webapp.services.importing.shift_difference import ShiftDifference
from webapp.services.importing.values import MOMENTS
from webapp.services.importing.writing import Checker
from webapp.services.log_writing import EventRow, event_row

_SUGGESTIONS = 50
"""Near matches looked for in one file: comparing with every known id takes time."""


LogWriter = Callable[[Sequence[EventRow]], list[int]]


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
    log
        Writes skill events and returns their keys; None in a dry run.
    difference
        What a file of shifts would change, or changed.
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
    log: LogWriter | None = None
    difference: ShiftDifference | None = None
    keys: FirstRows = field(default_factory=FirstRows)
    _suggested: int = 0
    _followed: set[str] = field(default_factory=set)

    def problem(self, row: int, column: str, value: object, code: str, message: str, accepted: str = "") -> None:
        """Note a problem of a row; ``column`` is a column's name and is shown as the file's header."""
        header = self.mapping.get(column, column)
        self.problems.add(Problem(row, header, shorten(str(value)), code, message, accepted))

    def first_of_key(self, row: int, column: str, value: Any, *, what: str = "") -> bool:
        """
        Return whether no earlier row has this value in what identifies rows; else note both rows.

        ``what`` names it where that is more than the column.
        """
        earlier = self.keys.first_row((what or column, value), row)
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

    def event(self, person_id: int, skill_id: int, kind: SkillEventKind, **values: Any) -> EventRow:
        """Return a skill event of this import: by whoever imports, now, unless ``values`` say otherwise."""
        stated = {"at": self.by.at, "author_id": self.by.person_id, **values}
        return event_row(person_id, skill_id, kind, import_batch_id=self.batch_id, **stated)

    def write_events(self, rows: Sequence[EventRow]) -> list[int] | None:
        """Write skill events and return their keys; None in a dry run, and once a problem refuses the file anyway."""
        return self.log(rows) if self.log is not None and rows and not self.problems.count else None

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
        """Skill code → skill, without retired ones; the code of a merged skill leads to the one that it is part of."""
        return {**self._current_skills, **{code: skill_id for code, (skill_id, _) in self._merged_skills.items()}}

    @cached_property
    def _current_skills(self) -> dict[str, int]:
        return dict(self.session.execute(select(Skill.code, Skill.id).where(Skill.retired_at.is_(None))).all())

    @cached_property
    def _merged_skills(self) -> dict[str, tuple[int, str]]:
        """Code of a merged skill → the skill in use that it is part of, and that one's code."""
        whole = aliased(Skill)
        query = (
            select(Skill.code, whole.id, whole.code)
            .join(whole, whole.id == Skill.merged_into_id)
            .where(whole.retired_at.is_(None))
        )
        return {code: (skill_id, into) for code, skill_id, into in self.session.execute(query)}

    def follow_merge(self, code: str) -> str:
        """Return the code of the skill that a code stands for now; where it was merged, the report says so once."""
        _, into = self._merged_skills.get(code, (0, code))
        if into != code and code not in self._followed:
            self._followed.add(code)
            self.notes.append(f"{code} was merged into {into}: what the file says of it goes to {into}.")
        return into

    @cached_property
    def all_skills(self) -> dict[str, int]:
        """Skill code → skill, with retired ones: history may name them."""
        return dict(self.session.execute(select(Skill.code, Skill.id)).all())

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
        return {code: kind for code, kind in self.all_types.items() if kind.active}

    @cached_property
    def all_types(self) -> dict[str, EngagementType]:
        """Engagement types by code, with those out of use: work that has ended may be of one."""
        return {kind.code: kind for kind in self.session.scalars(select(EngagementType))}

    @cached_property
    def people(self) -> dict[str, PersonRef]:
        """People by external id."""
        rows = self.session.execute(select(Person.external_id, Person.id, Person.site_id))
        return {external_id: PersonRef(person_id, site_id) for external_id, person_id, site_id in rows}
