"""
Users and groups as the identity system sees them: the part of the standard's schemas that Mainstay keeps.

An attribute that is not here is not published and not stored: home addresses, pictures and private numbers are nothing
that planning work needs.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import Field
from scim2_models import (
    URN,
    CaseExact,
    ComplexAttribute,
    Extension,
    GroupMembership,
    Meta,
    Mutability,
    Reference,
    Required,
    Resource,
    Uniqueness,
)
from scim2_models.resources.resource import AnyExtension

from webapp.services.directory_feed import FedUser, Member
from webapp.services.directory_feed import Group as FedGroup


class UserName(ComplexAttribute):
    """The parts of a name."""

    formatted: str | None = None
    family_name: str | None = None
    given_name: str | None = None


class Email(ComplexAttribute):
    """An address; whether it can be one is the mail system's to say, internal names included."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class User(Resource[AnyExtension]):
    """A person."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    name: UserName | None = None
    display_name: str | None = None
    title: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None
    groups: Annotated[list[GroupMembership] | None, Mutability.read_only] = None

    Name: ClassVar[type[ComplexAttribute]] = UserName
    Emails: ClassVar[type[ComplexAttribute]] = Email
    Groups: ClassVar[type[ComplexAttribute]] = GroupMembership


class GroupMember(ComplexAttribute):
    """Somebody who belongs to a group; their name is with themselves."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference[User[Any]] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )


class Group(Resource[Any]):
    """A team."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[GroupMember] | None = None

    Members: ClassVar[type[ComplexAttribute]] = GroupMember


class Employment(Extension):
    """Where a person works."""

    __schema__ = URN("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User")

    employee_number: str | None = None
    organization: str | None = None
    department: str | None = None


def person_key(person_id: int) -> str:
    """Return the id of a user; no group has the same, as the standard wants it."""
    return f"p{person_id}"


def team_key(team_id: int) -> str:
    """Return the id of a group."""
    return f"t{team_id}"


_KEPT = ("active", "external_id", "name", "display_name", "title", "emails")


def read_user(user: User[Employment]) -> FedUser:
    """Return what a resource says of a person."""
    work = user[Employment] or Employment()
    emails = user.emails or []
    primary = next((email for email in emails if email.primary), emails[0] if emails else None)
    parts = user.name or UserName()
    spoken = " ".join(part for part in (parts.given_name, parts.family_name) if part)
    attributes: dict[str, Any] = user.model_dump(include=set(_KEPT))
    attributes = {key: value for key, value in attributes.items() if key not in {"schemas", "id", "meta"}}
    return FedUser(
        user_name=(user.user_name or "").strip(),
        name=next((name for name in (user.display_name, parts.formatted, spoken, user.user_name) if name), ""),
        email=str(primary.value) if primary is not None and primary.value else None,
        title=user.title or "",
        active=user.active is not False,
        employee_number=work.employee_number or "",
        organization=work.organization or "",
        department=work.department or "",
        attributes=attributes | {"enterprise": _without_schemas(work.model_dump())},
    )


def _without_schemas(dumped: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in dumped.items() if key != "schemas"}


def write_user(member: Member) -> User[Employment]:
    """
    Return a person as a resource.

    What the identity system sent comes back as it was, as long as Mainstay still says the same; what was changed here
    since comes back as it is now.
    """
    person = member.person
    sent = dict(member.fed.attributes) if member.fed is not None else {}
    work = dict(sent.pop("enterprise", {}))
    user = User[Employment].model_validate({**sent, "userName": member.user_name})
    if read_user(user).name != person.name:
        user.display_name = person.name
    if (user.title or "") != person.job_title:
        user.title = person.job_title or None
    if (user.emails or member.fed is None) and read_user(user).email != person.email:
        user.emails = [Email(value=person.email, type="work", primary=True)] if person.email else None
    # Whoever is active needs no word of it, unless the identity system wants to read its own.
    user.active = None if person.active and member.fed is not None and "active" not in sent else person.active
    if person.team is not None:
        user.groups = [
            GroupMembership.model_validate(
                {
                    "value": team_key(person.team.id),
                    "$ref": f"Groups/{team_key(person.team.id)}",
                    "display": person.team.name,
                }
            )
        ]
    if member.fed is None:
        place = person.team.name if person.team is not None else None
        user[Employment] = Employment(
            employee_number=person.external_id, organization=person.site.name, department=place
        )
    elif work:
        user[Employment] = Employment.model_validate(work)
    user.id = person_key(person.id)
    user.meta = Meta(
        resource_type="User",
        created=member.created_at,
        last_modified=member.changed_at,
        version=f'W/"{member.version}"',
    )
    return user


def write_group(group: FedGroup) -> Group:
    """Return a team as a resource."""
    fed = group.fed
    return Group(
        id=team_key(group.team.id),
        external_id=fed.external_id if fed is not None else None,
        display_name=group.team.name,
        members=[
            GroupMember.model_validate({"value": person_key(person.id), "$ref": f"Users/{person_key(person.id)}"})
            for person in group.members
        ]
        or None,
        meta=Meta(
            resource_type="Group",
            created=fed.created_at if fed is not None else None,
            last_modified=fed.changed_at if fed is not None else None,
            version=f'W/"{group.version}"',
        ),
    )
