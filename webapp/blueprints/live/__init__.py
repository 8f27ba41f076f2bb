"""Changes as they happen: streams, and answers for those who ask."""

from webapp.blueprints.live.views import blueprint

__all__ = ["blueprint"]
