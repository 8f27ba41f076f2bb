"""Rules that call on customers before they call, what they would make, and what they made."""

from webapp.blueprints.check_ins.views import blueprint

__all__ = ["blueprint"]
