"""What another policy of routing would have done with a day that is over."""

from webapp.blueprints.simulations.views import blueprint

__all__ = ["blueprint"]
