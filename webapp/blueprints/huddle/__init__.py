"""The huddle: five minutes with the team on shift."""

from webapp.blueprints.huddle.views import blueprint

__all__ = ["blueprint"]
