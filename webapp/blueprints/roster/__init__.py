"""The roster: shifts with breaks, and absences."""

from webapp.blueprints.roster import absence_views, shift_views, slot_views
from webapp.blueprints.roster.views import blueprint

__all__ = ["absence_views", "blueprint", "shift_views", "slot_views"]
