"""The lead's inbox of skill reviews."""

from webapp.blueprints.reviews.views import blueprint

__all__ = ["blueprint"]
