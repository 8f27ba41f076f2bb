"""
What a badge is worth for a person: refused, for somebody to look at, or evidence by itself.

It counts by itself only where everything is certain: an issuer whom HR trusts signed it with a key that HR has noted,
for this person's e-mail address, and it is neither from the future nor expired nor taken back. What is false is
refused; what is merely unknown is a document, for a lead to accept.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webapp.services.badges.badge import Badge, EmbeddedProof, Match, Token
from webapp.services.badges.keys import DID_KEY, TrustedKey, did_key
from webapp.services.badges.signatures import Verdict, check_document, check_token


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """
    An issuer whose signature counts.

    Parameters
    ----------
    id
        Key of its row.
    name
        As HR calls it.
    keys_of_profile
        The identifiers under which it issues: addresses or ``did:key``.
    keys
        Its public keys.
    revoked
        Identifiers of badges that it took back.
    """

    id: int
    name: str
    keys_of_profile: frozenset[str]
    keys: tuple[TrustedKey, ...] = ()
    revoked: frozenset[str] = frozenset()

    @property
    def all_keys(self) -> tuple[TrustedKey, ...]:
        """The noted keys and those that its own identifiers are."""
        own = (key for key in sorted(self.keys_of_profile) if key.startswith(DID_KEY))
        return (*self.keys, *(did_key(key) for key in own))


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    What is certain about a badge and a person.

    Parameters
    ----------
    badge
        What it says.
    issuer
        The trusted issuer that signed it, or None.
    refusals
        Why it is not accepted at all, in sentences for its holder.
    doubts
        Why it does not count by itself, in sentences for its holder and the lead.
    """

    badge: Badge
    issuer: TrustedIssuer | None
    refusals: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    @property
    def certain(self) -> bool:
        """Whether it is evidence by itself."""
        return self.issuer is not None and not self.refusals and not self.doubts


def judge(badge: Badge, *, email: str | None, issuers: Iterable[TrustedIssuer], at: dt.datetime) -> Judgement:
    """
    Return what is certain about a badge.

    Parameters
    ----------
    badge
        What it says.
    email
        The address of the person who brings it, as the directory knows it.
    issuers
        Whom HR trusts.
    at
        The moment, in UTC.
    """
    known = [issuer for issuer in issuers if _may_have_issued(issuer, badge)]
    signer, refusals, doubts = _judge_signature(badge, known)
    refusals += _dates(badge, at)
    if badge.revoked or any(badge.key in issuer.revoked for issuer in known):
        refusals.append("The issuer has taken this badge back.")
    match badge.match(email):
        case Match.NO:
            refusals.append("This badge was earned with another e-mail address than the one that Mainstay has for you.")
        case Match.UNKNOWN:
            doubts.append("The badge does not name its holder by an e-mail address that can be compared with yours.")
    if badge.status_elsewhere:
        doubts.append("Whether the issuer has taken it back stands at an address that Mainstay does not open.")
    return Judgement(badge, signer, tuple(refusals), tuple(doubts))


def _may_have_issued(issuer: TrustedIssuer, badge: Badge) -> bool:
    if badge.issuer_key:
        return badge.issuer_key in issuer.keys_of_profile
    # The second edition may name its class by an address alone; then the name of the key tells whose it is.
    return bool(badge.key_name) and any(key.name == badge.key_name for key in issuer.keys)


def _dates(badge: Badge, at: dt.datetime) -> list[str]:
    refusals = []
    if badge.issued_at > at:
        refusals.append(f"The badge says that it was issued on {badge.issued_at:%-d %b %Y}, which is still to come.")
    if badge.expires_at is not None and badge.expires_at <= at:
        refusals.append(f"The badge expired on {badge.expires_at:%-d %b %Y}.")
    return refusals


def _judge_signature(badge: Badge, known: Sequence[TrustedIssuer]) -> tuple[TrustedIssuer | None, list[str], list[str]]:
    """Return who signed a badge for certain, why it is refused and what is in doubt."""
    if not badge.proofs:
        return None, [], ["It is not signed: only the issuer's own site could confirm it."]
    if not known:
        named = badge.issuer_name or badge.issuer_key or "its issuer"
        return None, [], [f"HR has not noted {named[:120]} as a trusted issuer, so its signature cannot be checked."]
    found = [(issuer, _check(proof, issuer)) for issuer in known for proof in badge.proofs]
    signer = next((issuer for issuer, verdict in found if verdict is Verdict.GOOD), None)
    if signer is not None:
        return signer, [], []
    if any(verdict is Verdict.UNCHECKABLE for _, verdict in found):
        return None, [], ["Its signature is of a kind that cannot be checked here."]
    refusal = (
        f"The signature does not fit the keys that HR has noted for {known[0].name}: the badge was altered, or the "
        "issuer has a new key."
    )
    return None, [refusal], []


def _check(proof: Token | EmbeddedProof, issuer: TrustedIssuer) -> Verdict:
    if isinstance(proof, Token):
        return check_token(proof, issuer.all_keys)
    return check_document(proof, issuer.all_keys)
