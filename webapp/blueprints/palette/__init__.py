"""What the command palette finds."""

from webapp.blueprints.palette.views import blueprint

__all__ = ["blueprint"]
