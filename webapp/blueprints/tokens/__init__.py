"""Tokens by which programs use the API."""

from webapp.blueprints.tokens.views import blueprint

__all__ = ["blueprint"]
