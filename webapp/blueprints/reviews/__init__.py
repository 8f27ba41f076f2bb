"""The lead's inbox of skill reviews, and what of it is overdue."""

from webapp.blueprints.reviews import overdue_views
from webapp.blueprints.reviews.views import blueprint

__all__ = ["blueprint", "overdue_views"]
