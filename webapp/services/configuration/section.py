"""What each section of a configuration can do: read itself, and write what a file changes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import EngagementType, Site, Skill
from webapp.services.audit import Actor
from webapp.services.configuration.document import Entry
from webapp.services.outgoing import Gate
from webapp.services.secrets import SecretBox


@dataclass(frozen=True, slots=True)
class Change:
    """
    One entry of a file that differs from what is there; ``before`` is None where nothing is.

    ``path`` is where it stands in the file.
    """

    section: str
    key: str
    path: str
    before: Entry | None
    after: Entry

    @property
    def fields(self) -> dict[str, tuple[Any, Any]]:
        """What differs: name → (before, after); empty for a new entry."""
        if self.before is None:
            return {}
        return {
            name: (self.before.get(name), value) for name, value in self.after.items() if self.before.get(name) != value
        }


@dataclass(frozen=True, slots=True)
class Work:
    """
    What writing a configuration needs.

    ``notes`` collects what a person has to do afterwards, such as entering a secret.
    """

    session: Session
    by: Actor
    box: SecretBox
    gate: Gate
    notes: list[str] = field(default_factory=list)


class Section(ABC):
    """One kind of things of a configuration."""

    name: ClassVar[str]
    schema: ClassVar[Schema]
    kept: ClassVar[frozenset[str]] = frozenset()
    """Fields that count for a new entry only: what is there keeps its own."""

    def key(self, entry: Entry) -> str:
        """Return what identifies an entry within its section."""
        return str(entry["code"])

    @abstractmethod
    def read(self, session: Session) -> list[Entry]:
        """Return what is there, in the order of keys."""

    def normal(self, entry: Entry) -> Entry:
        """
        Return an entry as :meth:`read` would give it back.

        Raises
        ------
        InvalidInputError
            If it breaks a rule that can be seen without the database.
        """
        return entry

    @abstractmethod
    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """
        Write changes by the services that people's own edits go through.

        Raises
        ------
        InvalidInputError
            With the JSON path of what is refused.
        """

    def finish(self, work: Work, changes: Sequence[Change]) -> None:  # noqa: B027 - most sections have nothing to finish
        """Write what can only be written once all sections are."""


def code_field(**more: Any) -> fields.String:
    """Return a field for a code."""
    return fields.String(required=True, validate=validate.Length(1, 80), **more)


def name_field() -> fields.String:
    """Return a field for a name."""
    return fields.String(required=True, validate=validate.Length(1, 200))


def words_field() -> fields.String:
    """Return a field for text that may be left out."""
    return fields.String(load_default="")


def skill_ids(session: Session) -> dict[str, int]:
    """Return the ids of all skills, by code."""
    return dict(session.execute(select(Skill.code, Skill.id)).all())


def find_id(known: Mapping[str, int], code: str, *, what: str, name: str) -> int:
    """
    Return the id of a code that an entry names.

    Raises
    ------
    InvalidInputError
        If there is none.
    """
    if code not in known:
        raise InvalidInputError(f"There is no {what} {code!r} here, nor in the file.", field=name)
    return known[code]


def type_ids(session: Session) -> dict[str, int]:
    """Return the ids of all engagement types, by code."""
    return dict(session.execute(select(EngagementType.code, EngagementType.id)).all())


def get_site(session: Session, code: str) -> Site:
    """
    Return the site that an entry names.

    Raises
    ------
    InvalidInputError
        If there is none: sites are places and not configuration.
    """
    site = session.scalar(select(Site).where(Site.code == code))
    if site is None:
        raise InvalidInputError(f"There is no site {code!r} here; add it first: mainstay site add.", field="site")
    return site
