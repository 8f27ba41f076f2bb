"""From a file to what it says: JSON, token, or a picture with either in it."""

from __future__ import annotations

import re

from webapp.errors import InvalidInputError
from webapp.services.badges import images, open_badges_2, open_badges_3
from webapp.services.badges.badge import Badge, contexts_of, kinds_of
from webapp.services.badges.signatures import open_token
from webapp.services.badges.strict_json import parse_object

LARGEST_FILE_BYTES = 5_000_000
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
_OLD_CONTEXT = "https://w3id.org/openbadges/v1"


def read_badge(content: bytes) -> Badge:
    """
    Return what a badge says, true or not.

    Parameters
    ----------
    content
        A file: JSON of either edition, a signed token, or a PNG or SVG with one of them baked in.

    Raises
    ------
    InvalidInputError
        If it is no badge that can be read, in words for the person who gave it.
    """
    if len(content) > LARGEST_FILE_BYTES:
        raise InvalidInputError(
            f"The file has {len(content) / 1e6:.1f} MB; a badge has at most {LARGEST_FILE_BYTES / 1e6:.0f} MB.",
            field="file",
        )
    if content.startswith(images.PNG_SIGNATURE):
        return _read_text(images.unbake_png(content))
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise _unknown() from error
    if text.startswith("<"):
        return _read_text(images.unbake_svg(content))
    return _read_text(text)


def _read_text(text: str) -> Badge:
    text = text.strip()
    if text.startswith("{"):
        document = parse_object(text)
        if open_badges_2.is_assertion(document):
            return open_badges_2.read_assertion(document)
        if open_badges_3.is_credential(document):
            return open_badges_3.read_credential(document)
        raise _other(kinds_of(document), contexts_of(document))
    if _TOKEN.fullmatch(text):
        payload = parse_object(open_token(text).payload)
        if open_badges_2.is_assertion(payload):
            return open_badges_2.read_assertion(payload, token=text)
        credential = open_badges_3.credential_in(payload)
        if open_badges_3.is_credential(credential):
            return open_badges_3.read_token(payload, text)
        raise _other(kinds_of(credential), contexts_of(credential))
    raise _unknown()


def _other(kinds: set[str], contexts: list[str]) -> InvalidInputError:
    if _OLD_CONTEXT in contexts:
        return InvalidInputError(
            "This is a badge of the first edition, from before 2017. Ask its issuer for a newer one, or add it as a "
            "certificate.",
            field="file",
        )
    named = f" It is of the type {', '.join(sorted(kinds))[:80]}." if kinds else ""
    return InvalidInputError(
        f"This file is no badge that somebody earned.{named} Open Badges 2.0 and 3.0 are read.", field="file"
    )


def _unknown() -> InvalidInputError:
    return InvalidInputError(
        "This file is no Open Badge: a badge is JSON, a token, or a PNG or SVG picture with the badge baked in.",
        field="file",
    )
