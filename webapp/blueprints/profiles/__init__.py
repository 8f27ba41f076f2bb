"""Hiring profiles: from the work that a published plan could not serve to the people who are nearest to it."""

from webapp.blueprints.profiles.views import blueprint

__all__ = ["blueprint"]
