"""Imports: upload, column mapping, check, apply, report and undo."""

from webapp.blueprints.imports import difference_views
from webapp.blueprints.imports.views import blueprint

__all__ = ["blueprint", "difference_views"]
