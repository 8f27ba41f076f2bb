"""Intake: the systems that send work, how their messages are read, and what waits to be sorted."""

from webapp.blueprints.intake import mapping_views, review_views
from webapp.blueprints.intake.views import blueprint

__all__ = ["blueprint", "mapping_views", "review_views"]
