"""The box that encrypts secrets at rest with this installation's key."""

from __future__ import annotations

from typing import cast

from flask import current_app

from config import Config
from webapp.services.secrets import SecretBox


def get_secret_box() -> SecretBox:
    """Return the installation's secret box."""
    box = current_app.extensions.get("secret_box")
    if box is None:
        config = cast(Config, current_app.extensions["config"])
        box = current_app.extensions["secret_box"] = SecretBox(config.secret_key, previous=config.previous_secret_keys)
    return cast(SecretBox, box)
