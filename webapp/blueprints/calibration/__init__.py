"""Calibration of claims and reviews, what is worth a second look, and the criteria of quality evaluations."""

from webapp.blueprints.calibration import criteria_views
from webapp.blueprints.calibration.views import blueprint

__all__ = ["blueprint", "criteria_views"]
