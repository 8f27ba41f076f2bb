"""
People and teams as an identity system feeds them: joiners, movers and leavers.

The identity system is right about who somebody is and whether they work here; what it does not say stays as Mainstay
has it. Every rule about people, teams and accounts is that of the pages: this module only says which of their commands
a change amounts to. Nobody is deleted: whom the identity system removes is deactivated, and their records stay.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import InvalidInputError, NotFoundError
from webapp.models import Person, ScimGroup, ScimUser, Site, Team
from webapp.services import access, accounts, audit, organisation, people
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor
from webapp.services.people import PersonValues

UNKNOWN_SINCE = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
"""Creation of people who were here before the identity system and whose day of hire nobody entered."""


@dataclass(frozen=True, slots=True)
class FedUser:
    """
    A user as the identity system describes them.

    Parameters
    ----------
    user_name
        Its name for them, unique without regard to case.
    name
        The name to show.
    employee_number
        Becomes the person's number when they join; it does not change later.
    email
        Where they sign in and are written to; None leaves it as it is.
    organization, department
        Code or name of the site and of the team in it; empty leaves them as they are. What fits no site or team is
        kept and shown to admins, and changes nothing.
    attributes
        What else was sent, kept as it is.
    """

    user_name: str
    name: str
    email: str | None = None
    title: str = ""
    active: bool = True
    employee_number: str = ""
    organization: str = ""
    department: str = ""
    attributes: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A person of the directory with what the identity system sent of them, if it did."""

    person: Person
    fed: ScimUser | None

    @property
    def user_name(self) -> str:
        """The identity system's name for them, or the one by which it would look for them."""
        return self.fed.user_name if self.fed is not None else self.person.email or self.person.external_id

    @property
    def version(self) -> str:
        """What changes with every change of the person."""
        return f"{self.person.version}-{self.fed.version if self.fed is not None else 0}"

    @property
    def created_at(self) -> dt.datetime:
        """When they were first known."""
        if self.fed is not None:
            return self.fed.created_at
        hired_on = self.person.hired_on
        return UNKNOWN_SINCE if hired_on is None else dt.datetime.combine(hired_on, dt.time(), dt.UTC)

    @property
    def changed_at(self) -> dt.datetime:
        """When the identity system last changed them."""
        return self.fed.changed_at if self.fed is not None else self.created_at


def list_members(session: Session, *, viewer: Viewer, user_name: str | None = None) -> list[Member]:
    """Return everybody in scope whom the identity system has not removed, or those alone who go by a user name."""
    query = (
        select(Person, ScimUser)
        .outerjoin(ScimUser, ScimUser.person_id == Person.id)
        .where(viewer.sees(Permission.EDIT_PEOPLE), ScimUser.removed_at.is_(None))
        .options(joinedload(Person.site), joinedload(Person.team))
        .order_by(Person.id)
    )
    if user_name is not None:
        key = user_name.lower()
        query = query.where(
            or_(ScimUser.user_key == key, func.lower(Person.email) == key, func.lower(Person.external_id) == key)
        )
    return [Member(person, fed) for person, fed in session.execute(query)]


def get_member(session: Session, person_id: int, *, viewer: Viewer) -> Member:
    """
    Return one of :func:`list_members`.

    Raises
    ------
    NotFoundError
        If there is no such person for them, or the identity system removed them.
    """
    person = access.get_person(session, person_id, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    fed = session.scalar(select(ScimUser).where(ScimUser.person_id == person.id))
    if fed is not None and fed.removed_at is not None:
        raise NotFoundError("There is no such user.")
    return Member(person, fed)


class TakenError(InvalidInputError):
    """Another user has this user name, number or address."""


def join(session: Session, user: FedUser, *, password_hash: str, viewer: Viewer, by: Actor) -> Member:
    """
    Take in a user: as a new person, or as the one whom the identity system removed under this name.

    Parameters
    ----------
    password_hash
        Hash of a random password for the account of a new person with an address, with which nobody can sign in.

    Raises
    ------
    TakenError
        If the user name, number or e-mail address is somebody else's.
    InvalidInputError
        If no site can be told, or a value is malformed.
    """
    key = user.user_name.lower()
    known = session.scalar(select(ScimUser).where(ScimUser.user_key == key).options(joinedload(ScimUser.person)))
    if known is not None and known.removed_at is None:
        raise TakenError(f"The user name {user.user_name} is taken.", field="userName")
    if known is not None:
        person = access.get_person(session, known.person_id, viewer=viewer, permission=Permission.EDIT_PEOPLE)
        number = user.employee_number.strip()
        # Companies give the name of somebody who left to somebody else, who must not become them.
        if number and number != person.external_id:
            raise TakenError(f"The user name {user.user_name} was that of somebody else.", field="userName")
        known.removed_at, known.created_at = None, by.at
        return move(session, Member(person, known), user, viewer=viewer, by=by)
    if list_members(session, viewer=viewer, user_name=user.user_name):
        raise TakenError(f"The user name {user.user_name} is taken.", field="userName")
    person = _create(session, user, viewer=viewer, by=by)
    if person.email is not None:
        accounts.create_account(session, person, password_hash=password_hash, viewer=viewer, by=by)
    return move(session, Member(person, _follow(session, person, user, by=by)), user, viewer=viewer, by=by)


def _create(session: Session, user: FedUser, *, viewer: Viewer, by: Actor) -> Person:
    number = user.employee_number.strip() or user.user_name
    if session.scalar(select(Person.id).where(Person.external_id == number)) is not None:
        raise TakenError(f"The number {number} is taken.", field="employeeNumber")
    site = _find_site(session, user.organization, viewer=viewer) or _only_site(session, viewer=viewer)
    if site is None:
        raise InvalidInputError(
            "Say the person's site: its code or name as the organization of the enterprise extension, or bind the "
            "token to one site.",
            field="organization",
        )
    team = _find_team(session, user.department, site)
    values = PersonValues(
        name=user.name,
        email=user.email,
        site_id=site.id,
        team_id=team.id if team is not None else None,
        job_title=user.title,
    )
    try:
        return people.create_person(session, external_id=number, values=values, viewer=viewer, by=by)
    except InvalidInputError as error:
        raise _taken(error) from error


def _follow(session: Session, person: Person, user: FedUser, *, by: Actor) -> ScimUser:
    fed = ScimUser(
        person_id=person.id,
        user_name=user.user_name,
        user_key=user.user_name.lower(),
        attributes=dict(user.attributes or {}),
        created_at=by.at,
        changed_at=by.at,
    )
    session.add(fed)
    session.flush()
    return fed


def move(session: Session, member: Member, user: FedUser, *, viewer: Viewer, by: Actor) -> Member:
    """
    Bring a person up to what the identity system says of them now; what is so already changes nothing.

    Raises
    ------
    TakenError
        If the user name or e-mail address is somebody else's.
    ForbiddenError
        If only an admin manages the person, or the token's person would change themselves.
    """
    person = member.person
    _require_free_name(session, user.user_name, owner=person)
    _rewrite(session, person, user, viewer=viewer, by=by)
    if user.active != person.active:
        change = people.activate_person if user.active else people.deactivate_person
        change(session, person, viewer=viewer, by=by)
    fed = member.fed or _follow(session, person, user, by=by)
    sent = (user.user_name, dict(user.attributes or {}))
    if (fed.user_name, fed.attributes) != sent:
        fed.user_name, fed.attributes = sent
        fed.user_key, fed.changed_at = user.user_name.lower(), by.at
        audit.record(session, "update_scim_user", fed, by=by, person_id=person.id)
    session.flush()
    return Member(person, fed)


def _rewrite(session: Session, person: Person, user: FedUser, *, viewer: Viewer, by: Actor) -> None:
    before = people.values_of(person)
    site = _find_site(session, user.organization, viewer=viewer) or person.site
    team = _find_team(session, user.department, site)
    team_id = team.id if team is not None else before.team_id if site.id == before.site_id else None
    after = replace(
        before,
        name=user.name,
        email=user.email or before.email,
        job_title=user.title,
        site_id=site.id,
        team_id=team_id,
    )
    if before == after:
        return
    try:
        people.update_person(session, person, values=after, version=person.version, seen={}, viewer=viewer, by=by)
    except InvalidInputError as error:
        raise _taken(error) from error
    session.flush()
    session.refresh(person, ["site", "team"])


def _require_free_name(session: Session, user_name: str, *, owner: Person) -> None:
    taken = select(ScimUser.id).where(ScimUser.user_key == user_name.lower(), ScimUser.person_id != owner.id)
    if session.scalar(taken) is not None:
        raise TakenError(f"The user name {user_name} is taken.", field="userName")


def _taken(error: InvalidInputError) -> InvalidInputError:
    """Return the error as one of uniqueness where it says that an address or a number is somebody else's."""
    return TakenError(str(error), field=error.field) if error.field in {"email", "external_id"} else error


def leave(session: Session, member: Member, *, viewer: Viewer, by: Actor) -> None:
    """
    Let the identity system forget a person: they are deactivated, their work is handed over, their records stay.

    Raises
    ------
    ForbiddenError
        If only an admin manages them, or it is the token's own person.
    """
    if member.person.active:
        people.deactivate_person(session, member.person, viewer=viewer, by=by)
    user = FedUser(user_name=member.user_name, name=member.person.name)
    fed = member.fed or _follow(session, member.person, user, by=by)
    fed.removed_at = fed.changed_at = by.at
    audit.record(session, "remove_scim_user", fed, by=by, person_id=member.person.id)


def _only_site(session: Session, *, viewer: Viewer) -> Site | None:
    sites = access.list_sites(session, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    return sites[0] if len(sites) == 1 else None


def _find_site(session: Session, words: str, *, viewer: Viewer) -> Site | None:
    sites = access.list_sites(session, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    return next((site for site in sites if _is_called(site, words)), None)


def _find_team(session: Session, words: str, site: Site) -> Team | None:
    if not words.strip():
        return None
    teams = session.scalars(select(Team).where(Team.site_id == site.id).order_by(Team.id))
    return next((team for team in teams if _is_called(team, words)), None)


def _is_called(place: Site | Team, words: str) -> bool:
    return words.strip().casefold() in {place.code.casefold(), place.name.casefold()}


@dataclass(frozen=True, slots=True)
class Group:
    """A team with its people and what the identity system sent of it, if it did."""

    team: Team
    fed: ScimGroup | None
    members: tuple[Person, ...]

    @property
    def version(self) -> str:
        """What changes with every change of the team or of who belongs to it."""
        people_of = "".join(f".{person.id}" for person in self.members)
        return f"{self.team.version}-{self.fed.version if self.fed is not None else 0}{people_of}"


def list_groups(session: Session, *, viewer: Viewer) -> list[Group]:
    """Return the teams in scope with their active people."""
    teams = access.list_teams(session, viewer=viewer, permission=Permission.EDIT_PEOPLE)
    return _with_members(session, sorted(teams, key=lambda team: team.id))


def get_group(session: Session, team_id: int, *, viewer: Viewer) -> Group:
    """
    Return a team with its people.

    Raises
    ------
    NotFoundError
        If there is none for them.
    """
    return _with_members(session, [organisation.get_team(session, team_id, viewer=viewer)])[0]


def _with_members(session: Session, teams: Sequence[Team]) -> list[Group]:
    ids = [team.id for team in teams]
    fed = {each.team_id: each for each in session.scalars(select(ScimGroup).where(ScimGroup.team_id.in_(ids)))}
    found = session.scalars(select(Person).where(Person.team_id.in_(ids), Person.active).order_by(Person.id)).all()
    return [
        Group(team, fed.get(team.id), tuple(person for person in found if person.team_id == team.id)) for team in teams
    ]


def create_group(
    session: Session, *, name: str, external_id: str | None, members: Collection[int], viewer: Viewer, by: Actor
) -> Group:
    """
    Add a team with its people.

    Raises
    ------
    InvalidInputError
        If no single site can be told for it, or a member is unknown.
    """
    site = _site_of(session, members, viewer=viewer) or _only_site(session, viewer=viewer)
    if site is None:
        raise InvalidInputError(
            "Say with its members at which site the team is, or bind the token to one site.", field="members"
        )
    team = organisation.create_team(session, site, code=_free_code(session, name), name=name, by=by)
    session.add(ScimGroup(team_id=team.id, external_id=external_id, created_at=by.at, changed_at=by.at))
    session.flush()
    return change_group(
        session,
        get_group(session, team.id, viewer=viewer),
        name=name,
        external_id=external_id,
        members=members,
        viewer=viewer,
        by=by,
    )


def change_group(
    session: Session,
    group: Group,
    *,
    name: str,
    external_id: str | None,
    members: Collection[int],
    viewer: Viewer,
    by: Actor,
) -> Group:
    """
    Bring a team up to what the identity system says of it now; somebody of another team or site moves into this one.

    Raises
    ------
    InvalidInputError
        If a member is unknown, or the name is empty.
    """
    team = group.team
    if name != team.name:
        organisation.update_team(session, team, name=name, version=team.version, seen={}, by=by)
    fed = group.fed
    if fed is None:
        fed = ScimGroup(team_id=team.id, external_id=external_id, created_at=by.at, changed_at=by.at)
        session.add(fed)
    elif fed.external_id != external_id:
        fed.external_id = external_id
        audit.record(session, "update_scim_group", fed, by=by)
    present, wanted = {person.id for person in group.members}, set(members)
    for person_id in sorted(wanted - present):
        _place(session, person_id, team, viewer=viewer, by=by)
    for person_id in sorted(present - wanted):
        _place(session, person_id, None, viewer=viewer, by=by)
    if present != wanted or name != group.team.name:
        fed.changed_at = by.at
    session.flush()
    return get_group(session, team.id, viewer=viewer)


def delete_group(session: Session, group: Group, *, viewer: Viewer, by: Actor) -> None:
    """
    Remove a team; its people stay, in no team.

    Raises
    ------
    ConflictError
        If something else still refers to it.
    """
    for person in group.members:
        _place(session, person.id, None, viewer=viewer, by=by)
    if group.fed is not None:
        session.delete(group.fed)
        session.flush()
    organisation.delete_team(session, group.team, by=by)


def _place(session: Session, person_id: int, team: Team | None, *, viewer: Viewer, by: Actor) -> None:
    try:
        person = get_member(session, person_id, viewer=viewer).person
    except NotFoundError:
        raise InvalidInputError(f"There is no user {person_id} to be a member.", field="members") from None
    before = people.values_of(person)
    after = replace(
        before, team_id=None if team is None else team.id, site_id=before.site_id if team is None else team.site_id
    )
    if before != after:
        people.update_person(session, person, values=after, version=person.version, seen={}, viewer=viewer, by=by)
        session.flush()


def _site_of(session: Session, members: Collection[int], *, viewer: Viewer) -> Site | None:
    visible = select(Person).where(Person.id.in_(members), viewer.sees(Permission.EDIT_PEOPLE))
    sites = {person.site_id: person.site for person in session.scalars(visible.options(joinedload(Person.site)))}
    return next(iter(sites.values())) if len(sites) == 1 else None


def _free_code(session: Session, name: str) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "team"
    taken = set(session.scalars(select(Team.code).where(Team.code.startswith(stem, autoescape=True))))
    return next(code for code in (stem, *(f"{stem}-{number}" for number in range(2, 10_000))) if code not in taken)
