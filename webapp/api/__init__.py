"""
The REST API under ``/api/v1``, one module per resource: thin operations over the services that the pages use.

Each module exports its ``blueprint``; modules do not import each other. What they share is in :mod:`webapp.web.rest`.
"""

from __future__ import annotations

import importlib
import pkgutil

from flask import Flask


def register(app: Flask) -> None:
    """Register the blueprint of every resource; none of them takes a cookie, so none needs a token against forgery."""
    for module in pkgutil.iter_modules(__path__):
        blueprint = importlib.import_module(f"{__name__}.{module.name}").blueprint
        app.extensions["csrf"].exempt(blueprint)
        app.extensions["rest_api"].register_blueprint(blueprint)
