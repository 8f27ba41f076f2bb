"""The scheduler's workspace: a day's demand, runs, plans, pins, moves, publishing, score."""

from webapp.blueprints.plans import change_views, many_views, plan_views, publish_views
from webapp.blueprints.plans.views import blueprint

__all__ = ["blueprint", "change_views", "many_views", "plan_views", "publish_views"]
