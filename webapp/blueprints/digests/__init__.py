"""What waits for the person this week."""

from webapp.blueprints.digests.views import blueprint

__all__ = ["blueprint"]
