"""Who reviews in whose place."""

from webapp.blueprints.deputies.views import blueprint

__all__ = ["blueprint"]
