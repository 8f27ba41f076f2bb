"""What is about to slip, with the one action that mends each; and how a site looks after its engagements."""

from webapp.blueprints.slipping.views import blueprint

__all__ = ["blueprint"]
