"""The store behind the SCIM protocol: each operation is one of the directory's commands, in the token's name."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar, Union, cast

from flask_security import hash_password
from scim2_models import (
    ForbiddenException,
    InvalidValueException,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SCIMException,
    ScimFilter,
    SearchRequest,
    UniquenessException,
)
from scim2_models.exceptions import ConflictException
from scim2_models.path import CompareOperator, Comparison
from scim2_server.storage import ScimStorage, SearchPage
from sqlalchemy.orm import Session

from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, MainstayError, NotFoundError
from webapp.services import directory_feed
from webapp.services.directory_feed import TakenError
from webapp.web.request import actor, current_viewer, get_session
from webapp.web.scim.resources import read_user, write_group, write_user

Result = TypeVar("Result")
AnyResource = Resource[Any]

_KINDS = {"User": "person", "Group": "team"}

# The first that fits counts: an error comes before the one that it is a kind of.
_EXCEPTIONS: tuple[tuple[type[MainstayError], type[SCIMException]], ...] = (
    (TakenError, UniquenessException),
    (InvalidInputError, InvalidValueException),
    (NotFoundError, NotFoundException),
    (ForbiddenError, ForbiddenException),
    (ConflictError, ConflictException),
)


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what a service refuses into the protocol's own kind of error."""
    try:
        yield
    except MainstayError as error:
        for kind, exception in _EXCEPTIONS:
            if isinstance(error, kind):
                raise exception(detail=_words(error)) from error
        raise


def _words(error: MainstayError) -> str:
    field = getattr(error, "field", None)
    return f"{field}: {error}" if field else str(error)


class DirectoryStorage(ScimStorage):
    """People and teams; what a token may not see is not there."""

    def operation(self) -> AbstractContextManager[None]:
        """Enclose one operation in a savepoint, so that a failed one of a bulk request leaves nothing behind."""
        return _savepoint(get_session())

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,  # noqa: ARG002 - the library's signature
    ) -> AnyResource:
        """Return a user or group."""
        with _answering():
            return self._get(resource_type, resource_id)

    def _get(self, resource_type: ResourceType, resource_id: str) -> AnyResource:
        session, viewer, key = get_session(), current_viewer(), _key(resource_id, of=_KINDS[resource_type.name or ""])
        if resource_type.name == "Group":
            return write_group(directory_feed.get_group(session, key, viewer=viewer))
        return write_user(directory_feed.get_member(session, key, viewer=viewer))

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,  # noqa: ARG002 - the library's signature; pages go by index
    ) -> SearchPage:
        """Return the users and groups that a filter lets through, sorted and by pages."""
        session, viewer = get_session(), current_viewer()
        names = {each.name for each in resource_types}
        wanted = search_request.filter
        found: list[AnyResource] = []
        if "User" in names:
            name = _asked_user_name(wanted)
            members = directory_feed.list_members(session, viewer=viewer, user_name=name)
            found += [write_user(member) for member in members]
        if "Group" in names:
            found += [write_group(group) for group in directory_feed.list_groups(session, viewer=viewer)]
        if wanted is not None and not wanted.models and found:
            models = tuple(dict.fromkeys(type(each) for each in found))
            wanted = cast(Any, ScimFilter)[Union[models]](str(wanted))  # noqa: UP007 - made of what was found
        found = [each for each in found if wanted is None or wanted.match(each)]
        if search_request.sort_by is not None:
            found.sort(
                key=lambda each: _sort_key(search_request.sort_value(each)),
                reverse=search_request.sort_order == SearchRequest.SortOrder.descending,
            )
        start = search_request.start_index_0 or 0
        count = search_request.count
        return SearchPage(len(found), found[start : None if count is None else start + count])

    def create(self, resource_type: ResourceType, resource: AnyResource) -> AnyResource:
        """Take in a user or group."""
        session, viewer, given = get_session(), current_viewer(), cast(Any, resource)
        with _answering():
            if resource_type.name == "Group":
                group = directory_feed.create_group(
                    session,
                    name=given.display_name or "",
                    external_id=given.external_id,
                    members=_members(given),
                    viewer=viewer,
                    by=actor(),
                )
                return write_group(group)
            # Nobody knows this password: the person signs in through the identity system, or has it renewed.
            unknown = hash_password(secrets.token_urlsafe(32))
            member = directory_feed.join(session, read_user(given), password_hash=unknown, viewer=viewer, by=actor())
            return write_user(member)

    def update(
        self, resource_type: ResourceType, resource: AnyResource, *, expected_version: str | None = None
    ) -> AnyResource:
        """Bring a user or group up to what is said of it now."""
        session, viewer, given = get_session(), current_viewer(), cast(Any, resource)
        with _answering():
            key = _key(cast(str, resource.id), of=_KINDS[resource_type.name or ""])
            self._require_version(resource_type, cast(str, resource.id), expected_version)
            if resource_type.name == "Group":
                group = directory_feed.change_group(
                    session,
                    directory_feed.get_group(session, key, viewer=viewer),
                    name=given.display_name or "",
                    external_id=given.external_id,
                    members=_members(given),
                    viewer=viewer,
                    by=actor(),
                )
                return write_group(group)
            member = directory_feed.get_member(session, key, viewer=viewer)
            return write_user(directory_feed.move(session, member, read_user(given), viewer=viewer, by=actor()))

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Deactivate a user, or remove a group."""
        session, viewer, key = get_session(), current_viewer(), _key(resource_id, of=_KINDS[resource_type.name or ""])
        with _answering():
            self._require_version(resource_type, resource_id, expected_version)
            if resource_type.name == "Group":
                group = directory_feed.get_group(session, key, viewer=viewer)
                directory_feed.delete_group(session, group, viewer=viewer, by=actor())
            else:
                member = directory_feed.get_member(session, key, viewer=viewer)
                directory_feed.leave(session, member, viewer=viewer, by=actor())

    def _require_version(self, resource_type: ResourceType, resource_id: str, expected: str | None) -> None:
        found = self._get(resource_type, resource_id)
        if expected is not None and found.meta is not None and found.meta.version != expected:
            raise PreconditionFailedException


@contextmanager
def _savepoint(session: Session) -> Iterator[None]:
    with session.begin_nested():
        yield


def _key(resource_id: str, *, of: str) -> int:
    digits = resource_id[1:]
    if resource_id[:1] != of[0].lower() or not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise NotFoundException(detail=f"There is no {resource_id!r}.")
    return int(digits)


def _members(group: Any) -> list[int]:
    try:
        return [_key(member.value or "", of="person") for member in group.members or []]
    except NotFoundException as error:
        raise InvalidValueException(detail=f"members: {error}") from error


def _asked_user_name(wanted: ScimFilter[Any] | None) -> str | None:
    """Return the user name that a filter compares to, if it does nothing else: what identity systems mostly ask."""
    node = wanted.ast if wanted is not None else None
    if isinstance(node, Comparison) and node.op == CompareOperator.eq and isinstance(node.value, str):
        path = str(node.attr_path).rsplit(":", 1)[-1].lower()
        return node.value if path == "username" else None
    return None


def _sort_key(value: Any) -> tuple[bool, Any]:
    return value is None, "" if value is None else value
