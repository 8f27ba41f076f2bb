"""
Secrets that a page shows once: kept from the form that made them to the page that the browser is led to.

An answer that shows the secret itself makes another one when it is reloaded. An address would leave the secret in
histories and logs, and a row would keep it. The session does neither, but whoever has the browser can read its cookie:
so the secret stands in it encrypted, for one person and one page, until that page takes it.
"""

from __future__ import annotations

import json
from typing import cast

from flask import request, session

from webapp.services.secrets import SecretKeyError
from webapp.web.request import current_person
from webapp.web.secret_box import get_secret_box
from webapp.web.toasts import BACKGROUND

_KEY = "shown_once"


def keep(about: str, **shown: str) -> None:
    """Keep what the page about something, such as ``source:7``, is to show once; what waited before is let go."""
    session[_KEY] = get_secret_box().encrypt(json.dumps([current_person().id, about, shown]))


def take(about: str) -> dict[str, str]:
    """Return what waits to be shown about something, and forget it; nothing if it was shown or is another's."""
    # A script that keeps an open page up to date would lose it with its answer.
    if _KEY not in session or request.headers.get(BACKGROUND):
        return {}
    try:
        person_id, kept_about, shown = json.loads(get_secret_box().decrypt(session[_KEY]))
    except SecretKeyError:
        return {}
    if (person_id, kept_about) != (current_person().id, about):
        return {}
    del session[_KEY]
    return cast(dict[str, str], shown)
