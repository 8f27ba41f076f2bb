"""The skill catalogue."""

from webapp.blueprints.catalogue import merge_views
from webapp.blueprints.catalogue.views import blueprint

__all__ = ["blueprint", "merge_views"]
