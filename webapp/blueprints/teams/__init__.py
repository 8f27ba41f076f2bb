"""Teams as a lead looks at them: the heat map of skills."""

from webapp.blueprints.teams.views import blueprint

__all__ = ["blueprint"]
