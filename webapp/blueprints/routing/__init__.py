"""Live routing to look at: the floor now, why each contact went to whom, what shadow mode found, and its settings."""

from webapp.blueprints.routing.views import blueprint

__all__ = ["blueprint"]
