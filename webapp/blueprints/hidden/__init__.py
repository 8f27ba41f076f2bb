"""Hidden skills: held, wanted and never scheduled."""

from webapp.blueprints.hidden.views import blueprint

__all__ = ["blueprint"]
