"""Calls: where colleagues reach a person at work, who dispatches now, and that somebody called, if they say so."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from webapp.errors import ForbiddenError, InvalidInputError
from webapp.models import Absence, MessageKind, Person, Site, ThreadMessage
from webapp.services import audit, ownership
from webapp.services.access import Permission, Viewer, get_person
from webapp.services.audit import Actor
from webapp.services.talk import seats, threads
from webapp.services.versions import require_version

MAX_LENGTH = 200
_NUMBER = re.compile(r"[+(]?[0-9][0-9 ()./-]{2,30}")
_TEL = re.compile(r"\+?[0-9*#]{2,30}(;ext=[0-9]{1,10})?")
_SIP = re.compile(r"[A-Za-z0-9._%+-]{1,80}@[A-Za-z0-9.-]{1,100}(:[0-9]{1,5})?")
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


def read_address(text: str) -> str:
    """
    Return a call address in the form in which a link opens it; empty for none.

    A plain number becomes ``tel:``. Beside it ``sip:``, ``sips:`` and the ``https:`` link of a meeting are allowed, and
    nothing else: whatever stands here is opened by a colleague's click.

    Raises
    ------
    InvalidInputError
        If it is none of these.
    """
    text = text.strip()
    if not text:
        return ""
    if len(text) <= MAX_LENGTH and text.isascii() and text.isprintable():
        if _NUMBER.fullmatch(text):
            return "tel:" + re.sub(r"[^0-9+]", "", text)
        scheme, _, rest = text.partition(":")
        scheme = scheme.lower()
        if scheme == "tel" and _TEL.fullmatch(re.sub(r"[ ()./-]", "", rest)):
            return "tel:" + re.sub(r"[ ()./-]", "", rest)
        if scheme in {"sip", "sips"} and _SIP.fullmatch(rest):
            return f"{scheme}:{rest}"
        if scheme == "https" and _is_meeting(text):
            return text
    raise InvalidInputError(
        "Write a number such as +351 220 000 000, a sip: address, or the https: link of a meeting.",
        field="call_address",
    )


def _is_meeting(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    return (
        bool(_HOST.fullmatch(host)) and port is None and "@" not in parts.netloc and not re.search(r'[\s"<>\\]', text)
    )


def describe_address(person: Person) -> dict[str, str]:
    """Return what a form shows of it: label → value."""
    return {"Call address": person.call_address}


def get_callable(session: Session, person_id: int, *, viewer: Viewer) -> Person:
    """
    Return a person whose call address the viewer may change: oneself, or whom one may edit.

    Raises
    ------
    NotFoundError
        If they are neither.
    """
    if person_id == viewer.person_id:
        return session.get_one(Person, person_id)
    return get_person(session, person_id, viewer=viewer, permission=Permission.EDIT_PEOPLE)


def change_address(
    session: Session, person: Person, text: str, *, version: int, seen: Mapping[str, str], viewer: Viewer, by: Actor
) -> None:
    """
    Say where a person is called.

    Raises
    ------
    NotFoundError
        If it is neither the viewer nor somebody whom they may edit.
    ConflictError
        If somebody changed the person since ``version``.
    InvalidInputError
        If the address is none that may be opened.
    """
    get_callable(session, person.id, viewer=viewer)
    require_version(person, version, seen=seen, present=describe_address(person))
    address = read_address(text)
    if address == person.call_address:
        return
    person.call_address = address
    audit.record(session, "change_call_address", person, by=by, person_id=person.id, detail={"set": bool(address)})


def find_on_duty(session: Session, site: Site, *, at: dt.datetime) -> Person | None:
    """Return who dispatches a site now: its dispatcher, unless away; else its first scheduler who is not away."""
    others = ownership.list_dispatchers(session, site)
    first = ownership.find_dispatcher(session, site.id, schedulers=others)
    people = [first, *others] if first is not None else others
    away = set(
        session.scalars(
            select(Person.id).where(
                Person.id.in_([person.id for person in people]),
                exists().where(Absence.person_id == Person.id, Absence.starts_at <= at, Absence.ends_at > at),
            )
        )
    )
    return next((person for person in people if person.id not in away), first)


def note_call(session: Session, engagement_id: int, *, key: str, viewer: Viewer, by: Actor) -> ThreadMessage:
    """
    Note on a thread that one has called, which nobody has to and nothing times; noted twice under one key it is once.

    Raises
    ------
    NotFoundError
        If the thread is none of the viewer's.
    ForbiddenError
        If they may not write on it any more.
    """
    engagement, seat = seats.get_seat(session, engagement_id, viewer=viewer)
    if not seat.may_write:
        raise ForbiddenError("This work is no longer yours.")
    return threads.find_said(session, key, by=by) or threads.add(
        session, engagement, "", kind=MessageKind.CALLED, key=key, by=by
    )
