"""The forms of a new password, with the question what becomes of API tokens and the calendar link."""

from __future__ import annotations

from flask_security.forms import ChangePasswordForm as _ChangePasswordForm
from flask_security.forms import ResetPasswordForm as _ResetPasswordForm
from wtforms import BooleanField

REVOKE_FIELD = "revoke_keys"
_LABEL = "Also revoke my API tokens and my calendar link"
_HELP = (
    "Leave it ticked if somebody else may know the old password. Your programs and calendars stop until you give them "
    "new ones."
)


class ChangePasswordForm(_ChangePasswordForm):
    """The library's form, and a box that is ticked."""

    revoke_keys = BooleanField(_LABEL, default=True, description=_HELP)


class ResetPasswordForm(_ResetPasswordForm):
    """Likewise after a forgotten password."""

    revoke_keys = BooleanField(_LABEL, default=True, description=_HELP)
