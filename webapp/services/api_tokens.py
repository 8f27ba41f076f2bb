"""
Tokens of the API: a program acts as the person who made its token, with the rights that both have.

What a token may do is the intersection of its scopes and its person's roles at the moment of the request, so that
whoever loses a role, or is deactivated, takes their programs along.  The secret is shown once; only its hash is kept.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import secrets
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import ApiToken, Person, Site, TokenScope
from webapp.services import access, audit
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor

MAX_DAYS = 366
USE_NOTED_EVERY = dt.timedelta(minutes=1)
_SECRET = re.compile(r"ms_[A-Za-z0-9_-]{43}")
_PREFIX_LENGTH = 11

SCOPE_WORDS: Mapping[TokenScope, str] = {
    TokenScope.PEOPLE_READ: "Read people and teams",
    TokenScope.PEOPLE_WRITE: "Change people and teams",
    TokenScope.SKILLS_READ: "Read the skill catalogue",
    TokenScope.SKILLS_WRITE: "Change the skill catalogue",
    TokenScope.RECORDS_READ: "Read skill records and evidence",
    TokenScope.RECORDS_WRITE: "Claim, review and bring evidence",
    TokenScope.WORK_READ: "Read engagements and their types",
    TokenScope.WORK_WRITE: "Add and change engagements and their types",
    TokenScope.ROSTER_READ: "Read shifts and absences",
    TokenScope.ROSTER_WRITE: "Add and change shifts and absences",
    TokenScope.PLANS_READ: "Read plans and assignments",
    TokenScope.PLANS_WRITE: "Run, change, publish and answer plans",
    TokenScope.ROUTING_READ: "Read routing decisions and presence",
    TokenScope.ROUTING_WRITE: "Ask for routing decisions, say who is present",
    TokenScope.JOBS_READ: "Read background jobs",
    TokenScope.JOBS_WRITE: "Cancel background jobs",
    TokenScope.SCIM: "Feed people and teams from an identity system (SCIM)",
}

SCOPE_PERMISSIONS: Mapping[TokenScope, frozenset[Permission]] = {
    TokenScope.PEOPLE_READ: frozenset({Permission.VIEW_PEOPLE}),
    TokenScope.PEOPLE_WRITE: frozenset({Permission.VIEW_PEOPLE, Permission.EDIT_PEOPLE}),
    TokenScope.SKILLS_READ: frozenset(),
    TokenScope.SKILLS_WRITE: frozenset({Permission.EDIT_CATALOGUE}),
    TokenScope.RECORDS_READ: frozenset({Permission.VIEW_RECORDS}),
    TokenScope.RECORDS_WRITE: frozenset(
        {
            Permission.VIEW_RECORDS,
            Permission.KEEP_OWN_RECORD,
            Permission.REVIEW_RECORDS,
            Permission.ACCEPT_EVIDENCE,
            Permission.IMPORT_DIRECTORY,
        }
    ),
    TokenScope.WORK_READ: frozenset({Permission.VIEW_WORK}),
    TokenScope.WORK_WRITE: frozenset({Permission.VIEW_WORK, Permission.EDIT_WORK}),
    TokenScope.ROSTER_READ: frozenset({Permission.VIEW_ROSTER}),
    TokenScope.ROSTER_WRITE: frozenset({Permission.VIEW_ROSTER, Permission.EDIT_ROSTER}),
    TokenScope.PLANS_READ: frozenset({Permission.VIEW_PLANS, Permission.WORK_OWN_DAY}),
    TokenScope.PLANS_WRITE: frozenset(
        {
            Permission.VIEW_PLANS,
            Permission.RUN_PLANS,
            Permission.PUBLISH_PLANS,
            Permission.EDIT_POLICIES,
            Permission.WORK_OWN_DAY,
        }
    ),
    TokenScope.ROUTING_READ: frozenset({Permission.VIEW_ROUTING}),
    TokenScope.ROUTING_WRITE: frozenset({Permission.VIEW_ROUTING, Permission.RUN_ROUTING}),
    TokenScope.JOBS_READ: frozenset({Permission.MANAGE_JOBS}),
    TokenScope.JOBS_WRITE: frozenset({Permission.MANAGE_JOBS}),
    TokenScope.SCIM: frozenset({Permission.VIEW_PEOPLE, Permission.EDIT_PEOPLE}),
}


def hash_secret(secret: str) -> str:
    """Return what is kept of a secret; SHA-256 is enough for 32 random bytes, which nobody can guess from it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_token(
    session: Session,
    person: Person,
    *,
    name: str,
    scopes: Collection[TokenScope],
    site_id: int | None,
    expires_on: dt.date,
    viewer: Viewer,
    by: Actor,
) -> tuple[ApiToken, str]:
    """
    Make a token for oneself, and return it with its secret, which nobody can read again.

    Parameters
    ----------
    site_id
        The only site that it may touch, or None for all that its person may.
    expires_on
        The day, in UTC, at whose end it ends.

    Raises
    ------
    ForbiddenError
        If it would be another's: whoever holds it acts as them.
    InvalidInputError
        If the name or the scopes are missing, the site is not one of the viewer's, or the day is past or too far.
    """
    if by.person_id != person.id or viewer.allowed is not None:
        raise ForbiddenError(
            "Everybody makes their own tokens, after signing in: whoever holds one acts as its person."
        )
    name = name.strip()
    if not name or len(name) > 120:
        raise InvalidInputError("Say in at most 120 letters which program it is for.", field="name")
    if not scopes:
        raise InvalidInputError("Choose at least one scope.", field="scopes")
    if site_id is not None and site_id not in {site.id for site in list_sites(session, person, viewer=viewer)}:
        raise InvalidInputError("Choose one of your sites, or all.", field="site_id")
    if not by.at.date() <= expires_on <= by.at.date() + dt.timedelta(days=MAX_DAYS):
        raise InvalidInputError(f"Choose a day from today on, at most {MAX_DAYS} days ahead.", field="expires_on")
    secret = f"ms_{secrets.token_urlsafe(32)}"
    token = ApiToken(
        person_id=person.id,
        name=name,
        secret_hash=hash_secret(secret),
        prefix=secret[:_PREFIX_LENGTH],
        scopes=[scope.value for scope in TokenScope if scope in set(scopes)],
        site_id=site_id,
        created_at=by.at,
        expires_at=dt.datetime.combine(expires_on + dt.timedelta(days=1), dt.time(), dt.UTC),
    )
    session.add(token)
    session.flush()
    detail = {"scopes": token.scopes, "site_id": site_id, "expires_on": expires_on.isoformat()}
    audit.record(session, "create_api_token", token, by=by, person_id=person.id, detail=detail)
    return token, secret


def list_sites(session: Session, person: Person, *, viewer: Viewer) -> list[Site]:
    """Return the sites to which a person may bind a token: their own and those that their roles serve, by name."""
    serves = viewer.scope(Permission.USE_MAINSTAY)
    query = select(Site).order_by(Site.name)
    if not serves.everywhere:
        query = query.where(or_(Site.id == person.site_id, Site.id.in_(serves.site_ids)))
    return list(session.scalars(query))


def find_live_token(session: Session, secret: str, *, at: dt.datetime) -> ApiToken | None:
    """Return the token of a secret; None if there is none, it ended or was revoked, or its person may not sign in."""
    if not _SECRET.fullmatch(secret):
        return None
    query = (
        select(ApiToken)
        .where(ApiToken.secret_hash == hash_secret(secret), ApiToken.revoked_at.is_(None), ApiToken.expires_at > at)
        .options(joinedload(ApiToken.person).options(joinedload(Person.site), joinedload(Person.account)))
    )
    token = session.scalar(query)
    if token is None or not token.person.active:
        return None
    account = token.person.account
    return token if account is None or account.active else None


def viewer_of(session: Session, token: ApiToken, *, on: dt.date) -> Viewer:
    """Return the token's person as a viewer on a day, narrowed to the token's scopes and site."""
    viewer = access.get_viewer(session, token.person_id, on=on)
    permissions = (SCOPE_PERMISSIONS[TokenScope(scope)] for scope in token.scopes)
    allowed = frozenset({Permission.USE_MAINSTAY, Permission.VIEW_CAREERS}).union(*permissions)
    return access.narrow(session, viewer, allowed=allowed, site_id=token.site_id)


def is_use_unnoted(token: ApiToken, at: dt.datetime) -> bool:
    """Return whether the token's last use is to be written: once a minute is enough to see which are still needed."""
    return token.last_used_at is None or at - token.last_used_at >= USE_NOTED_EVERY


def note_use(session: Session, token_id: int, *, at: dt.datetime) -> None:
    """Write that a token was used, unless somebody wrote it within the last minute."""
    session.execute(
        update(ApiToken)
        .where(
            ApiToken.id == token_id,
            or_(ApiToken.last_used_at.is_(None), ApiToken.last_used_at <= at - USE_NOTED_EVERY),
        )
        .values(last_used_at=at)
    )


def list_own(session: Session, person: Person) -> Sequence[ApiToken]:
    """Return a person's tokens, newest first."""
    query = select(ApiToken).where(ApiToken.person_id == person.id).options(joinedload(ApiToken.site))
    return session.scalars(query.order_by(ApiToken.id.desc())).all()


def list_all(session: Session, *, viewer: Viewer) -> Sequence[ApiToken]:
    """Return everybody's tokens, newest first, for those who manage them; nothing for others."""
    if not viewer.scope(Permission.MANAGE_TOKENS).everywhere:
        return []
    query = select(ApiToken).options(joinedload(ApiToken.site), joinedload(ApiToken.person))
    return session.scalars(query.order_by(ApiToken.id.desc())).all()


def revoke_token(session: Session, token_id: int, *, viewer: Viewer, by: Actor) -> ApiToken:
    """
    End a token at once, one's own or, for those who manage them, anybody's; ending it twice changes nothing.

    Raises
    ------
    NotFoundError
        If there is none, or it is not the viewer's to end.
    """
    query = select(ApiToken).where(ApiToken.id == token_id).with_for_update(of=ApiToken)
    if not viewer.scope(Permission.MANAGE_TOKENS).everywhere:
        query = query.where(ApiToken.person_id == viewer.person_id)
    token = session.scalar(query)
    if token is None:
        raise NotFoundError("There is no such token.")
    if token.revoked_at is None:
        end(session, token, by=by)
    return token


def end(session: Session, token: ApiToken, *, by: Actor) -> None:
    """Revoke a live token; the caller has seen to it that this is theirs to do."""
    token.revoked_at = by.at
    audit.record(session, "revoke_api_token", token, by=by, person_id=token.person_id)
