"""Background jobs: their progress, and cancelling them."""

from webapp.blueprints.jobs.views import blueprint

__all__ = ["blueprint"]
