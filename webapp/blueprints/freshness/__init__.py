"""What freshness means, and how fresh the records of teams are."""

from webapp.blueprints.freshness.views import blueprint

__all__ = ["blueprint"]
