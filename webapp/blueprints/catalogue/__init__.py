"""The skill catalogue."""

from webapp.blueprints.catalogue.views import blueprint

__all__ = ["blueprint"]
