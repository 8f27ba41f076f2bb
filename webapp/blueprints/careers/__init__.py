"""Careers: the ladder of service roles, and each agent's own path."""

from webapp.blueprints.careers import edit_views
from webapp.blueprints.careers.views import blueprint

__all__ = ["blueprint", "edit_views"]
