"""
Pages, one package per feature: thin views and forms over the services.

Each package exports its ``blueprint``; packages do not import each other.
"""

from __future__ import annotations

import importlib
import pkgutil

from flask import Flask


def register(app: Flask) -> None:
    """Register the blueprint of every feature package."""
    for module in pkgutil.iter_modules(__path__):
        app.register_blueprint(importlib.import_module(f"{__name__}.{module.name}").blueprint)
