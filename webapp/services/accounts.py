"""
Accounts: the means to sign in.

Services know no web library, so the caller hands over a password's hash and never the password.
"""

from __future__ import annotations

import secrets

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Account, Person
from webapp.services import audit, personal_keys, roles
from webapp.services.access import Viewer
from webapp.services.audit import Actor


def create_account(session: Session, person: Person, *, password_hash: str, viewer: Viewer, by: Actor) -> Account:
    """
    Let a person sign in with their e-mail address.

    Parameters
    ----------
    password_hash
        Hash of the first password; that of a random one if the person will choose theirs through a link.

    Raises
    ------
    InvalidInputError
        If the person has no e-mail address, or somebody else signs in with it.
    ConflictError
        If they are not active, or have an account.
    ForbiddenError
        If they hold a role that only an admin manages.
    """
    roles.require_manageable(session, person, viewer=viewer)
    if person.email is None:
        raise InvalidInputError("An account needs an e-mail address. Add one first.", field="email")
    if not person.active:
        raise ConflictError(f"{person.name} is not active. Activate them first.")
    if find_account(session, person) is not None:
        raise ConflictError(f"{person.name} already has an account.")
    require_free_address(session, person.email, owner=person)
    account = Account(
        person_id=person.id,
        email=person.email,
        password=password_hash,
        active=True,
        fs_uniquifier=secrets.token_hex(16),
    )
    session.add(account)
    session.flush()
    audit.record(session, "create_account", account, by=by, person_id=person.id)
    return account


def set_password(session: Session, account: Account, *, password_hash: str, viewer: Viewer, by: Actor) -> None:
    """
    Replace a forgotten or stolen password; all sessions, API tokens and the calendar link of the account end with it.

    Links sent before no longer open either.

    Raises
    ------
    ForbiddenError
        If the person holds a role that only an admin manages.
    ConflictError
        If it is the viewer's own account, or the person is not active.
    """
    if account.person_id == viewer.person_id:
        raise ConflictError("Change your own password on your account page.")
    roles.require_manageable(session, account.person, viewer=viewer)
    if not account.person.active:
        raise ConflictError(f"{account.person.name} is not active. Activate them first.")
    account.password = password_hash
    end_sessions(account)
    session.flush()
    audit.record(session, "renew_password", account, by=by, person_id=account.person_id)
    revoked = personal_keys.revoke_all(session, account.person, by=by)
    personal_keys.tell(session, account.person, revoked, by=by)


def find_account(session: Session, person: Person) -> Account | None:
    """Return a person's account, if they have one."""
    return session.scalar(select(Account).where(Account.person_id == person.id))


def end_sessions(account: Account) -> None:
    """Make every session of an account end with its next request."""
    account.fs_uniquifier = secrets.token_hex(16)


def require_free_address(session: Session, email: str, *, owner: Person) -> None:
    """
    Refuse an e-mail address that somebody else signs in with.

    Raises
    ------
    InvalidInputError
        If another person's account has it.
    """
    taken = select(Account.id).where(func.lower(Account.email) == email.lower(), Account.person_id != owner.id)
    if session.scalar(taken) is not None:
        raise InvalidInputError("Somebody else signs in with this e-mail address.", field="email")
