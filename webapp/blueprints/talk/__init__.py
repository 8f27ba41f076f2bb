"""Talk between dispatchers and agents: threads on engagements, calls, and huddles."""

from webapp.blueprints.talk import call_views
from webapp.blueprints.talk.views import blueprint

__all__ = ["blueprint", "call_views"]
