"""My week: an agent's next seven days, and where in them they choose to grow."""

from webapp.blueprints.week.views import blueprint

__all__ = ["blueprint"]
