"""Notices under the bell."""

from webapp.blueprints.notices.views import blueprint

__all__ = ["blueprint"]
