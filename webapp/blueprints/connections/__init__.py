"""What leaves Mainstay: webhooks, and connections to other systems."""

from webapp.blueprints.connections import webhook_views
from webapp.blueprints.connections.views import blueprint

__all__ = ["blueprint", "webhook_views"]
