"""Skill records: one's own, and those of people whom one works with."""

from webapp.blueprints.records import people_views, upkeep_views
from webapp.blueprints.records.views import blueprint

__all__ = ["blueprint", "people_views", "upkeep_views"]
