"""Evidence: what people bring, what colleagues say, who accepts it, and why a level is what it is."""

from webapp.blueprints.evidence import colleague_views, issuer_views, queue_views
from webapp.blueprints.evidence.views import blueprint

__all__ = ["blueprint", "colleague_views", "issuer_views", "queue_views"]
