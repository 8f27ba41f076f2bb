"""
What every resource of the API shares.

Tokens, problem documents, entity tags, pages of lists and repeated requests; the resources themselves are in
:mod:`webapp.api`, one module each.
"""

from __future__ import annotations

from flask import Flask

from webapp.web.rest import authentication, blueprint, repeating


def install(app: Flask) -> None:
    """Let the application answer programs as well as people."""
    blueprint.install(app)
    authentication.install(app)
    repeating.install(app)
