"""Skills that an agent may also have: claim or dismiss them."""

from webapp.blueprints.suggestions.views import blueprint

__all__ = ["blueprint"]
