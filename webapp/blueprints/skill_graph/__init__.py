"""The skill graph around one skill, and the weights of its links."""

from webapp.blueprints.skill_graph.views import blueprint

__all__ = ["blueprint"]
