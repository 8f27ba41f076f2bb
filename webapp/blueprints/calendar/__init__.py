"""One's own calendar feed, and the public address that serves it."""

from webapp.blueprints.calendar.views import blueprint

__all__ = ["blueprint"]
