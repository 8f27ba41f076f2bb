"""Whether the people on shift can do the work of a week, and whose absence would break it."""

from webapp.blueprints.coverage.views import blueprint

__all__ = ["blueprint"]
