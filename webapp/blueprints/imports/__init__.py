"""Imports: upload, column mapping, check, apply, report and undo."""

from webapp.blueprints.imports.views import blueprint

__all__ = ["blueprint"]
