"""Who can: people by skill and time; HR's home."""

from webapp.blueprints.search.views import blueprint

__all__ = ["blueprint"]
