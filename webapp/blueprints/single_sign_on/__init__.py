"""Signing in with the company's identity provider."""

from webapp.blueprints.single_sign_on.views import blueprint

__all__ = ["blueprint"]
