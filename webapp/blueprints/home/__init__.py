"""The front door: sends each person to the page that they come for; health and readiness for machines."""

from webapp.blueprints.home.views import blueprint

__all__ = ["blueprint"]
