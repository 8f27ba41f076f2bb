"""The reference of the API for people."""

from webapp.blueprints.api_docs.views import blueprint

__all__ = ["blueprint"]
