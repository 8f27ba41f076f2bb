"""Policies: what plans are made by, their versions, and what a weight does on a day that is over."""

from webapp.blueprints.policies import trial_views
from webapp.blueprints.policies.views import blueprint

__all__ = ["blueprint", "trial_views"]
