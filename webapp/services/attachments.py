"""
Files that support evidence: photos and PDFs, known by their content and never by their name.

A file is kept with its digest, belongs to one person and is served only to those who may see that person's record.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, undefer

from webapp.errors import ConflictError, InvalidInputError, NotFoundError
from webapp.models import Attachment, Person
from webapp.services.access import Permission, Viewer
from webapp.services.audit import Actor

LARGEST_BYTES = 5_000_000
MOST_FILES = 200
MOST_BYTES = 100_000_000
BADGE_TYPE = "application/octet-stream"
"""A badge as it came, as text or drawing: nothing that a browser opens."""

_SIGNATURES = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypheix", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
)
SHOWN_TYPES = frozenset({"image/png", "image/jpeg", "image/webp"})
"""Photos that a browser shows within a page."""


def recognise(content: bytes) -> str | None:
    """Return the type of a photo or PDF by its first bytes, or None if it is neither."""
    for start, signature, content_type in _SIGNATURES:
        if content[start : start + len(signature)] == signature and (
            content_type != "image/webp" or content.startswith(b"RIFF")
        ):
            return content_type
    return None


def keep_file(
    session: Session, person: Person, *, file_name: str, content: bytes, by: Actor, badge: bool = False
) -> Attachment:
    """
    Keep a file that supports a person's evidence; the caller writes the audit event of what it supports.

    Parameters
    ----------
    session
        A session.
    person
        Whose evidence it supports.
    file_name, content
        As it came.
    by
        Who brought it.
    badge
        Whether it is a badge that was read, which may be text.

    Raises
    ------
    InvalidInputError
        If it is empty, too large or neither photo nor PDF.
    ConflictError
        If the person's files have grown too many.
    """
    if not content:
        raise InvalidInputError("This file is empty; choose another one.", field="file")
    if len(content) > LARGEST_BYTES:
        raise InvalidInputError(
            f"The file has {len(content) / 1e6:.1f} MB; up to {LARGEST_BYTES / 1e6:.0f} MB are kept. "
            "A photo of lower resolution is enough.",
            field="file",
        )
    content_type = recognise(content) or (BADGE_TYPE if badge else None)
    if content_type is None:
        raise InvalidInputError("Only photos (JPEG, PNG, WebP, HEIC) and PDF files are kept.", field="file")
    digest = hashlib.sha256(content).hexdigest()
    known = session.scalar(
        select(Attachment).where(
            Attachment.person_id == person.id, Attachment.digest == digest, Attachment.content_type == content_type
        )
    )
    if known is not None:
        return known
    _check_room(session, person.id, len(content))
    attachment = Attachment(
        person_id=person.id,
        file_name=clean_name(file_name),
        content_type=content_type,
        digest=digest,
        content=content,
        created_at=by.at,
        created_by_id=by.person_id,
    )
    session.add(attachment)
    session.flush()
    return attachment


def _check_room(session: Session, person_id: int, length: int) -> None:
    query = select(func.count(), func.coalesce(func.sum(func.length(Attachment.content)), 0))
    count, held = session.execute(query.where(Attachment.person_id == person_id)).one()
    if count >= MOST_FILES or held + length > MOST_BYTES:
        raise ConflictError(
            f"You have reached what Mainstay keeps for one person: {MOST_FILES} files and {MOST_BYTES // 1_000_000} MB."
        )


def clean_name(file_name: str) -> str:
    """Return the last part of a file's name, without what no file system or header can hold."""
    last = re.split(r"[/\\]", file_name)[-1]
    kept = "".join(sign for sign in last if unicodedata.category(sign)[0] not in {"C", "Z"} or sign == " ")
    return kept.strip(" .")[-200:] or "file"


def get_attachment(session: Session, attachment_id: int, *, viewer: Viewer) -> Attachment:
    """
    Return a file, with its content, of somebody whose record the viewer may see.

    Raises
    ------
    NotFoundError
        If there is no such file, or it belongs to somebody outside the viewer's scope.
    """
    attachment = session.scalar(
        select(Attachment)
        .join(Person, Person.id == Attachment.person_id)
        .where(
            Attachment.id == attachment_id,
            or_(Person.id == viewer.person_id, viewer.sees(Permission.VIEW_RECORDS)),
        )
        .options(undefer(Attachment.content))
    )
    if attachment is None:
        raise NotFoundError("There is no such file.")
    return attachment
