"""The form of a site's routing: its shape only, the limits are in the services."""

from __future__ import annotations

from wtforms import IntegerField, RadioField
from wtforms.validators import InputRequired

from webapp.forms import options
from webapp.forms.editing import EditingForm
from webapp.models import RoutingMode
from webapp.services.routing.settings import Wanted

_NUMBER = [InputRequired("Give a whole number.")]
_MODES = (
    (RoutingMode.OFF.value, "Off: the telephone system decides"),
    (RoutingMode.SHADOW.value, "Shadow: Mainstay advises and compares, the telephone system decides"),
    (RoutingMode.LIVE.value, "Live: Mainstay decides, and reserves agents"),
)


class RoutingForm(EditingForm):
    """How a site routes."""

    mode = RadioField("Live contacts", choices=options(_MODES), default=RoutingMode.OFF.value)
    reservation_seconds = IntegerField(
        "Seconds to answer", _NUMBER, default=20, description="Then a contact moves on to the next agent."
    )
    unanswered_limit = IntegerField(
        "Unanswered until away", _NUMBER, default=2, description="So many in a row, and the agent is set away."
    )
    after_work_seconds = IntegerField(
        "Seconds of after-work", _NUMBER, default=0, description="0 leaves its end to the telephone system."
    )
    refresh_minutes = IntegerField(
        "New prices every so many minutes",
        _NUMBER,
        default=30,
        description="In between they are those of the published plan, or of the last time.",
    )

    def wanted(self) -> Wanted:
        """Return what was entered, once the form is valid."""
        return Wanted(
            mode=RoutingMode(self.mode.data),
            reservation_seconds=self.reservation_seconds.data or 0,
            unanswered_limit=self.unanswered_limit.data or 0,
            after_work_seconds=self.after_work_seconds.data or 0,
            refresh_minutes=self.refresh_minutes.data or 0,
        )
