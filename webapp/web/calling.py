"""What calls out of this installation are allowed to reach."""

from __future__ import annotations

from typing import cast

from flask import current_app

from config import Config
from webapp.services.outgoing import Gate


def get_gate() -> Gate:
    """Return the gate that the configuration opens."""
    config = cast(Config, current_app.extensions["config"])
    return Gate.parse(config.outgoing_allow, ca_file=config.outgoing_ca_file)
