"""The forms beside a search: keeping it, and doing something for the people whom it found."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, HiddenField, RadioField, SelectMultipleField, StringField
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import CheckboxInput, ListWidget

from webapp.forms import options
from webapp.models import BulkActionKind
from webapp.services.bulk_actions import COURSE_LEVEL_LIMIT, Course, Wish

ACTION_WORDS = {
    BulkActionKind.ASK_TO_CONFIRM: "Ask whether the record is still right",
    BulkActionKind.RECORD_COURSE: "Record a course that they completed",
}


class SaveSearchForm(FlaskForm):
    """A name for the search of the page; ``query`` is the part of its address after the question mark."""

    name = StringField("Name", [InputRequired("Give the search a name.")])
    shared = BooleanField("Show it to everybody who may search")
    query = HiddenField()


class PeopleField(SelectMultipleField):
    """People as check boxes; who may be chosen is for the service to say."""

    widget = ListWidget(prefix_label=False)
    option_widget = CheckboxInput()

    def pre_validate(self, form: BaseForm) -> None:
        """Accept any key: the page that offered it may be older than the people."""


class BulkActionForm(FlaskForm):
    """What shall be done for the people who are ticked."""

    kind = RadioField(
        "What to do",
        [InputRequired("Choose what to do.")],
        choices=options(ACTION_WORDS.items()),
        coerce=BulkActionKind,
    )
    skill = HiddenField(validators=[InputRequired("Choose a skill.")])
    people = PeopleField("People", coerce=int)
    course = StringField("Course")
    completed_on = DateField("Completed on", [Optional()])
    course_level = RadioField(
        "Level that it teaches",
        [Optional()],
        choices=options((level, str(level)) for level in range(1, COURSE_LEVEL_LIMIT + 1)),
        coerce=int,
    )
    expires_on = DateField("Lapses on", [Optional()])

    def wish(self) -> Wish:
        """Return what is asked, as the service reads it."""
        skill = self.skill.data or ""
        course = None
        if self.completed_on.data is not None and self.course_level.data is not None:
            course = Course(
                self.course.data or "", self.completed_on.data, self.course_level.data, self.expires_on.data
            )
        return Wish(
            kind=self.kind.data,
            skill_id=int(skill) if skill.isdecimal() and len(skill) < 19 else 0,
            person_ids=tuple(self.people.data or ()),
            course=course,
        )
