"""My day: an agent's part of the published plan, why each piece is theirs, and their answers to it."""

from webapp.blueprints.day import swap_views
from webapp.blueprints.day.views import blueprint

__all__ = ["blueprint", "swap_views"]
