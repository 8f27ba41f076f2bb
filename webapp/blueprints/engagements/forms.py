"""The form of an engagement; its times are those of the site's clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from flask_wtf import FlaskForm
from wtforms import FloatField, HiddenField, SelectField, StringField
from wtforms.validators import Length, Optional

from webapp.forms import options, to_key
from webapp.forms.editing import EditingForm
from webapp.forms.local_times import local_time_field, occurrence_field, read_moment, show_moment
from webapp.models import Engagement, EngagementType, Person
from webapp.services import zones
from webapp.services.engagements import EngagementDraft
from webapp.web.labels import CHANNELS

_PRIORITIES = ("1 low", "2", "3 normal", "4", "5 urgent")
_TIMES = ("earliest_at", "due_at", "latest_at")


class PraiseForm(FlaskForm):
    """A customer's good word; ``key`` makes it the same praise when the page is sent twice."""

    key = HiddenField()
    person_id = SelectField("For whom", coerce=to_key)
    words = StringField("What the customer said", [Length(max=400)], description="Kept for a while, then cleared.")

    def offer(self, people: Sequence[Person]) -> None:
        """Offer the agents of the site."""
        self.person_id.choices = options((person.id, person.name) for person in people)


class EngagementForm(EditingForm):
    """An engagement."""

    type_id = SelectField("Type", coerce=to_key)
    external_id = StringField(
        "Reference",
        [Length(max=80)],
        description="Its number in the system that it comes from. Left empty, one is made up.",
    )
    customer_key = StringField(
        "Customer key", [Length(max=80)], description="The customer's key in the customer system, never a name."
    )
    subject = StringField("Subject", [Length(max=200)], description="What it is about, without personal data.")
    earliest_at = local_time_field("Earliest start")
    earliest_at_occurrence = occurrence_field("Earliest start")
    due_at = local_time_field("Due", "Late when it starts after this.")
    due_at_occurrence = occurrence_field("Due")
    latest_at = local_time_field("Latest start", "No plan starts it after this.")
    latest_at_occurrence = occurrence_field("Latest start")
    priority = SelectField("Priority", coerce=int, choices=options(enumerate(_PRIORITIES, start=1)), default=3)
    minutes = FloatField("Minutes", [Optional()], description="Only if they differ from the type's handle time.")
    owner_id = SelectField(
        "Case owner", coerce=to_key, description="The agent who keeps the case to its end; others may still help."
    )

    def offer(self, types: Sequence[EngagementType], owners: Sequence[Person], *, may_be_unsure: bool = False) -> None:
        """Offer types and case owners; work that is new may be of a kind that nobody knows yet."""
        self.type_id.choices = [
            ("", "Not sure: find it by the subject" if may_be_unsure else "Choose a type"),
            *(
                (each.id, f"{each.name} ({CHANNELS[each.channel.value][0]}, {each.handle_minutes:g} min)")
                for each in types
            ),
        ]
        self.owner_id.choices = [("", "Nobody in particular"), *((person.id, person.name) for person in owners)]

    def suggest(self, now: dt.datetime, zone: str) -> None:
        """Suggest a window for a new engagement: from the next full hour on, due in four hours, latest in eight."""
        local = zones.to_local(now, zone).replace(minute=0, second=0, microsecond=0) + dt.timedelta(hours=1)
        for name, hours in zip(_TIMES, (0, 4, 8), strict=True):
            self[name].data = local + dt.timedelta(hours=hours)

    def show(self, engagement: Engagement) -> None:
        """Fill in the window of an engagement by the clock of its site."""
        for name in _TIMES:
            show_moment(self, name, getattr(engagement, name), engagement.site.time_zone)

    def draft(self, zone: str) -> EngagementDraft:
        """
        Return what was entered, with times read by the clock of a zone.

        Raises
        ------
        InvalidInputError
            If a time does not exist there, or comes twice and nobody said which is meant.
        """
        return EngagementDraft(
            type_id=self.type_id.data or 0,
            external_id=self.external_id.data or "",
            customer_key=self.customer_key.data or "",
            subject=self.subject.data or "",
            earliest_at=read_moment(self, "earliest_at", zone),
            due_at=read_moment(self, "due_at", zone),
            latest_at=read_moment(self, "latest_at", zone),
            priority=self.priority.data,
            minutes=self.minutes.data,
            owner_id=self.owner_id.data,
        )
