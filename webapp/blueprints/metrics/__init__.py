"""Metrics for whoever watches the installation."""

from webapp.blueprints.metrics.views import blueprint

__all__ = ["blueprint"]
