"""How lists read assignments: without what explains them, which is most of a row and is shown where one is opened."""

from __future__ import annotations

from sqlalchemy.orm import defer

from webapp.models import Assignment

WITHOUT_REASONS = (defer(Assignment.terms), defer(Assignment.why), defer(Assignment.relaxed))
"""Options of a query; what is asked for after all is read then, one row at a time."""
