"""
Baked badges: the credential inside a PNG or SVG picture.

A PNG carries it in a text chunk ``openbadges`` (2.0) or ``openbadgecredential`` (3.0), an SVG in an element
``openbadges:assertion`` or ``openbadges:credential`` whose ``verify`` attribute is a token, or whose text is JSON.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from webapp.errors import InvalidInputError

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_KEYWORDS = {b"openbadges", b"openbadgecredential"}
_SVG_ROOT = "{http://www.w3.org/2000/svg}svg"
_SVG_ELEMENTS = {
    "{http://openbadges.org}assertion",
    "{https://purl.imsglobal.org/ob/v3p0}assertion",
    "{https://purl.imsglobal.org/ob/v3p0}credential",
}


def unbake_png(content: bytes) -> str:
    """
    Return the credential that is baked into a PNG.

    Raises
    ------
    InvalidInputError
        If the picture is damaged, or holds no credential, several, or a compressed one.
    """
    found = [text for kind, body in _chunks(content) if (text := _chunk_text(kind, body)) is not None]
    return _only(found)


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = len(PNG_SIGNATURE)
    while position < len(content):
        head = content[position : position + 8]
        if len(head) < 8:
            raise _damaged()
        length, kind = struct.unpack(">I4s", head)
        body = content[position + 8 : position + 8 + length]
        if len(body) < length:
            raise _damaged()
        yield kind, body
        if kind == b"IEND":
            return
        position += 12 + length


def _chunk_text(kind: bytes, body: bytes) -> str | None:
    keyword, separator, rest = body.partition(b"\0")
    if not separator or keyword not in _PNG_KEYWORDS:
        return None
    if kind == b"tEXt":
        return _decoded(rest)
    if kind == b"iTXt":
        # Both editions forbid compression here, and a compressed text could unfold without end.
        if rest[:1] != b"\0":
            raise InvalidInputError("The credential in this picture is compressed, which is not read.", field="file")
        parts = rest[2:].split(b"\0", 2)
        if len(parts) < 3:
            raise _damaged()
        return _decoded(parts[2])
    raise InvalidInputError("The credential in this picture is compressed, which is not read.", field="file")


def unbake_svg(content: bytes) -> str:
    """
    Return the credential that is baked into an SVG.

    Raises
    ------
    InvalidInputError
        If the picture is damaged or declares entities, or holds no credential or several.
    """
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise _damaged() from error
    if root.tag != _SVG_ROOT:
        raise InvalidInputError("This is no SVG picture, so it cannot be a baked badge.", field="file")
    found = [
        (element.get("verify") or element.text or "").strip() for element in root.iter() if element.tag in _SVG_ELEMENTS
    ]
    return _only(found)


def _only(found: list[str]) -> str:
    if not found:
        raise InvalidInputError(
            "This is a picture of a badge without the badge in it. Download the badge itself from its issuer, "
            "or add the picture as a certificate.",
            field="file",
        )
    if len(found) > 1:
        raise InvalidInputError("This picture holds more than one badge; add one at a time.", field="file")
    return found[0]


def _decoded(text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _damaged() from error


def _damaged() -> InvalidInputError:
    return InvalidInputError("This picture is damaged: it cannot be read to its end.", field="file")
