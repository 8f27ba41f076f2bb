"""Forms of shifts and absences; their times are those of the site's clock."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from flask_wtf import FlaskForm
from wtforms import FieldList, Form, FormField, SelectField, TextAreaField, TimeField
from wtforms.validators import InputRequired, Length

from webapp.errors import InvalidInputError
from webapp.forms import options, to_key
from webapp.forms.editing import EditingForm
from webapp.forms.local_times import local_time_field, occurrence_field, read_moment, show_moment
from webapp.models import Absence, AbsenceKind, Person, Shift
from webapp.services import zones
from webapp.services.absences import AbsenceDraft
from webapp.services.shifts import ShiftDraft
from webapp.services.spans import Span
from webapp.web.labels import sentence


class BreakForm(Form):
    """A break by the time of day; the day follows from the shift."""

    starts_at = TimeField("Break from", [InputRequired("Give a time, or remove the break.")])
    starts_at_occurrence = occurrence_field("Break from")
    ends_at = TimeField("Break to", [InputRequired("Give a time, or remove the break.")])
    ends_at_occurrence = occurrence_field("Break to")


class _PeriodForm(EditingForm):
    """Something of one person that begins and ends."""

    person_id = SelectField("Person", coerce=to_key)
    starts_at = local_time_field("Begins")
    starts_at_occurrence = occurrence_field("Begins")
    ends_at = local_time_field("Ends")
    ends_at_occurrence = occurrence_field("Ends")

    def offer(self, people: Sequence[Person]) -> None:
        """Offer the people who may be chosen."""
        self.person_id.choices = [("", "Choose a person"), *((person.id, person.name) for person in people)]

    def show(self, starts_at: dt.datetime, ends_at: dt.datetime, zone: str) -> None:
        """Fill in the times by the clock of a zone."""
        show_moment(self, "starts_at", starts_at, zone)
        show_moment(self, "ends_at", ends_at, zone)


class ShiftForm(_PeriodForm):
    """A shift and its breaks."""

    breaks = FieldList(FormField(BreakForm), "Breaks")

    def suggest(self, day_on: dt.date) -> None:
        """Suggest a day shift with half an hour of break."""
        self.starts_at.data = dt.datetime.combine(day_on, dt.time(8))
        self.ends_at.data = dt.datetime.combine(day_on, dt.time(16, 30))
        self.breaks.append_entry({"starts_at": dt.time(12), "ends_at": dt.time(12, 30)})

    def show_shift(self, shift: Shift, zone: str) -> None:
        """Fill in a shift."""
        self.show(shift.starts_at, shift.ends_at, zone)
        for each in shift.breaks:
            self.breaks.append_entry()
            line = self.breaks.entries[-1].form
            for name, moment in (("starts_at", each.starts_at), ("ends_at", each.ends_at)):
                line[name].data = zones.to_local(moment, zone).time()
                line[f"{name}_occurrence"].data = zones.find_occurrence(moment, zone) or ""

    def change_lines(self, *, add: bool, remove: str | None) -> None:
        """Add an empty break, or take one out by the name of its line."""
        if add:
            self.breaks.append_entry()
        self.breaks.entries = [line for line in self.breaks.entries if line.name != remove]

    def draft(self, zone: str) -> ShiftDraft:
        """
        Return what was entered, with times read by the clock of a zone.

        Raises
        ------
        InvalidInputError
            If a time does not exist there, or comes twice and nobody said which is meant.
        """
        starts_at = read_moment(self, "starts_at", zone)
        return ShiftDraft(
            starts_at=starts_at,
            ends_at=read_moment(self, "ends_at", zone),
            breaks=tuple(self._read_break(line.form, zone) for line in self.breaks.entries),
        )

    def _read_break(self, line: BreakForm, zone: str) -> Span:
        try:
            return (
                read_moment(line, "starts_at", zone, local=self._on_shift(line, "starts_at")),
                read_moment(line, "ends_at", zone, local=self._on_shift(line, "ends_at")),
            )
        except InvalidInputError as error:
            line[error.field or "starts_at"].errors = [str(error)]
            raise InvalidInputError("One of the breaks needs another look.", field="breaks") from error

    def _on_shift(self, line: BreakForm, name: str) -> dt.datetime:
        # A break of 01:00 in a shift from 22:00 on lies on the next day.
        begin: dt.datetime = self["starts_at"].data
        local = dt.datetime.combine(begin.date(), line[name].data)
        return local if local >= begin else local + dt.timedelta(days=1)


class RefuseSlotForm(FlaskForm):
    """Why a stretch slot is refused."""

    reason = TextAreaField(
        "Reason",
        [
            InputRequired("Say why: the agent reads it."),
            Length(max=300, message="Keep the reason under 300 characters."),
        ],
        description="The agent reads it under the bell and beside the slot.",
    )


class AbsenceForm(_PeriodForm):
    """An absence."""

    kind = SelectField(
        "Kind",
        coerce=AbsenceKind,
        choices=options((kind.value, sentence(kind)) for kind in AbsenceKind),
        default="leave",
    )

    def suggest(self, day_on: dt.date) -> None:
        """Suggest the whole day."""
        self.starts_at.data = dt.datetime.combine(day_on, dt.time())
        self.ends_at.data = dt.datetime.combine(day_on + dt.timedelta(days=1), dt.time())

    def show_absence(self, absence: Absence, zone: str) -> None:
        """Fill in an absence."""
        self.show(absence.starts_at, absence.ends_at, zone)
        self.kind.data = absence.kind

    def draft(self, zone: str) -> AbsenceDraft:
        """
        Return what was entered, with times read by the clock of a zone.

        Raises
        ------
        InvalidInputError
            If a time does not exist there, or comes twice and nobody said which is meant.
        """
        return AbsenceDraft(
            starts_at=read_moment(self, "starts_at", zone),
            ends_at=read_moment(self, "ends_at", zone),
            kind=self.kind.data,
        )
