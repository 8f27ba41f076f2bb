"""What somebody says on a thread: its shape only, the rules are in the services."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import HiddenField, StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from webapp.forms.editing import EditingForm
from webapp.services.talk.threads import MAX_LENGTH


class MessageForm(FlaskForm):
    """A message; ``key`` is of this form, so that sending it twice says it once."""

    key = HiddenField()
    text = TextAreaField(
        "Message",
        [
            DataRequired("Write what you want to say."),
            Length(max=MAX_LENGTH, message=f"Keep it under {MAX_LENGTH} characters."),
        ],
        description="For colleagues. Leave out customers' names and words: the customer key is enough.",
    )


class AddressForm(EditingForm):
    """Where a person is called at work."""

    call_address = StringField(
        "Call address",
        description="A number such as +351 220 000 000, a sip: address, or the https: link of your meeting room.",
    )
