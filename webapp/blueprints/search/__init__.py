"""Searching for people by what they can do, keeping searches, and acting on what they find."""

from webapp.blueprints.search import action_views
from webapp.blueprints.search.views import blueprint

__all__ = ["action_views", "blueprint"]
