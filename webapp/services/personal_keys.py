"""
Personal keys: what opens Mainstay as a person without their password, which is API tokens and the calendar link.

They are taken away together where somebody else may have them: when the person leaves, and when an admin or HR renews
their password, because a password that was lost or stolen says nothing good about what was made with it. Whoever
changes their own password is asked. What was revoked never opens again; coming back means making new ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import ApiToken, Person
from webapp.services import api_tokens, calendar_feeds, notices
from webapp.services.audit import Actor


@dataclass(frozen=True, slots=True)
class RevokedKeys:
    """What was revoked: how many API tokens, and whether there was a calendar link."""

    tokens: int
    calendar: bool

    def __bool__(self) -> bool:
        """Return whether anything was revoked."""
        return bool(self.tokens) or self.calendar

    def words(self) -> str:
        """Return them in words, such as "2 API tokens and the calendar link"; empty if there were none."""
        tokens = f"{self.tokens} API token{'s' if self.tokens > 1 else ''}" if self.tokens else ""
        return " and ".join(filter(None, (tokens, "the calendar link" if self.calendar else "")))


def revoke_all(session: Session, person: Person, *, by: Actor) -> RevokedKeys:
    """Revoke every API token and the calendar link of a person, for good; the next request of each is refused."""
    live = select(ApiToken).where(ApiToken.person_id == person.id, ApiToken.revoked_at.is_(None))
    tokens = session.scalars(live.order_by(ApiToken.id).with_for_update()).all()
    for token in tokens:
        api_tokens.end(session, token, by=by)
    return RevokedKeys(tokens=len(tokens), calendar=calendar_feeds.revoke_feed(session, person, by=by))


def tell(session: Session, person: Person, revoked: RevokedKeys, *, by: Actor) -> None:
    """Tell a person why their programs and calendar stopped, if somebody else revoked anything."""
    if revoked and by.person_id != person.id:
        text = f"With your password, {revoked.words()} were revoked. Make new ones for what still needs them."
        link = "/tokens" if revoked.tokens else "/calendar"
        notices.notify(session, person.id, kind="keys_revoked", text=text, link=link, by=by)
