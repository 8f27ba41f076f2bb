"""Engagements: the dated pieces of customer work."""

from webapp.blueprints.engagements.views import blueprint

__all__ = ["blueprint"]
