"""Blocks of stretch work and training, handed to the workforce system as a file."""

from webapp.blueprints.blocks.views import blueprint

__all__ = ["blueprint"]
