"""The board of today: plan against actual, sick calls, re-plans, declined work and swaps."""

from webapp.blueprints.board import offer_views, replan_views
from webapp.blueprints.board.views import blueprint

__all__ = ["blueprint", "offer_views", "replan_views"]
