"""People, teams, sites, roles and accounts."""

from webapp.blueprints.people import access_views, structure_views
from webapp.blueprints.people.views import blueprint

__all__ = ["access_views", "blueprint", "structure_views"]
