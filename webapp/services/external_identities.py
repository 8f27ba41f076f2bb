"""
Who signs in through an identity provider.

The provider's subject, once linked to a person, is the only thing that counts: addresses change hands. The first link
is made by an address that the provider says it has verified, to an account that is there already; nobody is created
by signing in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ForbiddenError, NotFoundError
from webapp.models import Account, ExternalIdentity, Person
from webapp.services import audit
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor


@dataclass(frozen=True, slots=True)
class Claims:
    """What a provider says of somebody who has signed in with it; ``email_verified`` is its own word for it."""

    issuer: str
    subject: str
    email: str = ""
    email_verified: bool = False


def sign_in(session: Session, claims: Claims, *, by: Actor) -> Account:
    """
    Return the account of whom the provider means, linking the two at the first time.

    Raises
    ------
    ForbiddenError
        If nobody here is meant, the address is not verified or belongs to somebody whom the provider knows under
        another subject, or the account is closed. The message tells the person whom to ask.
    """
    identity = session.scalar(
        select(ExternalIdentity).where(
            ExternalIdentity.issuer == claims.issuer, ExternalIdentity.subject == claims.subject
        )
    )
    account = _account_of(session, identity.person_id) if identity is not None else _link(session, claims, by=by)
    if account is None or not account.active or not account.person.active:
        raise ForbiddenError("Your sign-in works, but your account here is closed. Ask HR to open it.")
    return account


def _account_of(session: Session, person_id: int) -> Account | None:
    return session.scalar(select(Account).where(Account.person_id == person_id).options(joinedload(Account.person)))


def _link(session: Session, claims: Claims, *, by: Actor) -> Account | None:
    if not claims.email or not claims.email_verified:
        raise ForbiddenError("Your sign-in works, but it does not say a verified e-mail address. Ask your help desk.")
    account = session.scalar(
        select(Account).where(func.lower(Account.email) == claims.email.lower()).options(joinedload(Account.person))
    )
    if account is None:
        raise ForbiddenError("Your sign-in works, but nobody here has your e-mail address. Ask HR to add you.")
    linked = select(ExternalIdentity.id).where(
        ExternalIdentity.issuer == claims.issuer, ExternalIdentity.person_id == account.person_id
    )
    if session.scalar(linked) is not None:
        raise ForbiddenError(
            "Somebody else signed in here with your e-mail address before. Ask an admin to part the two."
        )
    identity = ExternalIdentity(
        issuer=claims.issuer, subject=claims.subject, person_id=account.person_id, linked_at=by.at
    )
    session.add(identity)
    session.flush()
    audit.record(session, "link_identity", identity, by=by, person_id=account.person_id)
    return account


def list_identities(session: Session, *, viewer: Viewer) -> Sequence[ExternalIdentity]:
    """Return every link, newest first, for those who edit people everywhere; nothing for others."""
    if not viewer.scope(Permission.EDIT_PEOPLE).everywhere:
        return []
    query = select(ExternalIdentity).join(ExternalIdentity.person).options(joinedload(ExternalIdentity.person))
    return session.scalars(query.order_by(ExternalIdentity.id.desc())).all()


def unlink(session: Session, identity_id: int, *, viewer: Viewer, by: Actor) -> Person:
    """
    Forget a link, so that the next sign-in with the person's verified address makes it anew; return the person.

    Raises
    ------
    NotFoundError
        If there is none, or the viewer does not edit people everywhere.
    """
    identity = session.get(ExternalIdentity, identity_id)
    if identity is None or not viewer.scope(Permission.EDIT_PEOPLE).everywhere:
        raise NotFoundError("There is no such link.")
    person = identity.person
    audit.record(session, "unlink_identity", identity, by=by, person_id=person.id)
    session.delete(identity)
    session.flush()
    return person
