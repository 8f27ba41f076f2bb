"""Messages of other systems: the one address that needs no sign-in, because each message carries a signature."""

from webapp.blueprints.hooks.views import blueprint

__all__ = ["blueprint"]
