"""The form of a rule of check-ins: its shape only, the rules are in the services."""

from __future__ import annotations

from collections.abc import Sequence

from wtforms import BooleanField, IntegerField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from webapp.forms import options, to_key
from webapp.forms.editing import EditingForm
from webapp.models import CheckInTrigger, EngagementType
from webapp.services.check_ins import RuleDraft

_TRIGGERS = {
    CheckInTrigger.NO_CONTACT: "Days without any contact",
    CheckInTrigger.AFTER_TYPE: "Days after work of a type was done",
    CheckInTrigger.AFTER_SETBACK: "Days after work for them was given back or expired",
}
_NUMBER = [InputRequired("Give a whole number.")]


class RuleForm(EditingForm):
    """A rule of check-ins."""

    name = StringField("Name", [InputRequired("Give it a name."), Length(max=200)])
    trigger = SelectField(
        "A customer is due after", choices=options((key.value, word) for key, word in _TRIGGERS.items())
    )
    days = IntegerField("Days", _NUMBER)
    after_type_id = SelectField("After which work", coerce=to_key, description="Only for the rule about a type.")
    engagement_type_id = SelectField("The check-in", coerce=to_key, description="A proactive type whose work can wait.")
    from_hour = IntegerField("From, full hour", _NUMBER, default=9)
    until_hour = IntegerField("Until, full hour", _NUMBER, default=17)
    priority = IntegerField("Priority, 1 to 5", _NUMBER, default=2)
    active = BooleanField("In use", default=True)

    def offer(self, kinds: Sequence[EngagementType], types: Sequence[EngagementType]) -> None:
        """Offer types of check-ins, and types of work that they may follow."""
        self.engagement_type_id.choices = options((kind.id, kind.name) for kind in kinds)
        self.after_type_id.choices = options([("", "Any"), *((kind.id, kind.name) for kind in types)])

    def draft(self) -> RuleDraft:
        """Return what was entered, once the form is valid."""
        return RuleDraft(
            name=self.name.data or "",
            engagement_type_id=self.engagement_type_id.data or 0,
            trigger=CheckInTrigger(self.trigger.data),
            days=self.days.data or 0,
            after_type_id=self.after_type_id.data,
            from_hour=self.from_hour.data or 0,
            until_hour=self.until_hour.data or 0,
            priority=self.priority.data or 0,
            active=bool(self.active.data),
        )
