"""Exports: the rows that a person may see, as files that can be imported again."""

from webapp.blueprints.exports.views import blueprint

__all__ = ["blueprint"]
