"""Taxonomies: releases, browsing, picking."""

from webapp.blueprints.taxonomies import release_views
from webapp.blueprints.taxonomies.views import blueprint

__all__ = ["blueprint", "release_views"]
