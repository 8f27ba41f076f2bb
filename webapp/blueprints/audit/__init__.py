"""The audit trail."""

from webapp.blueprints.audit.views import blueprint

__all__ = ["blueprint"]
