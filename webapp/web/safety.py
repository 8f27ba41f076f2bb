"""Where a form may send a person after it is done: within Mainstay only."""

from __future__ import annotations


def local_path(address: str | None, *, otherwise: str) -> str:
    r"""Return an address if it is a path of this site, else another one; ``//host`` and ``/\host`` leave the site."""
    if not address or not address.startswith("/") or address.startswith(("//", "/\\")):
        return otherwise
    return otherwise if any(ord(sign) < 0x20 for sign in address) else address
