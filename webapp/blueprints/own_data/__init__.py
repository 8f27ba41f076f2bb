"""My data: everything about oneself, to look at and to take along."""

from webapp.blueprints.own_data.views import blueprint

__all__ = ["blueprint"]
