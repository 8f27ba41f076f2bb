"""Engagement types: what kinds of work there are and what each asks for."""

from webapp.blueprints.types.views import blueprint

__all__ = ["blueprint"]
