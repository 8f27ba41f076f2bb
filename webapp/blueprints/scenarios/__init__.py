"""What-ifs of a day: changes that are tried beside the published plan and touch nothing."""

from webapp.blueprints.scenarios import change_views
from webapp.blueprints.scenarios.views import blueprint

__all__ = ["blueprint", "change_views"]
