"""One's own account."""

from webapp.blueprints.account.views import blueprint

__all__ = ["blueprint"]
