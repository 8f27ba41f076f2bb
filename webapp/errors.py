"""The errors that services raise; each delivery layer turns them into its own kind of answer, in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class MainstayError(Exception):
    """Base of every error that a user may meet; the message is a sentence for them."""


class NotFoundError(MainstayError):
    """The thing does not exist, or lies outside what the viewer may see: both answer alike."""


class ForbiddenError(MainstayError):
    """The viewer may see the thing but not do this with it."""


class InvalidInputError(MainstayError):
    """
    Input breaks a rule of the domain.

    Parameters
    ----------
    message
        A sentence for the user.
    field
        Name of the form field or column that it is about, if there is one.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ConflictError(MainstayError):
    """
    The thing changed since the user looked at it, or its state does not allow the command.

    Parameters
    ----------
    message
        A sentence for the user.
    changes
        What changed meanwhile: label → (what the user saw, what it is now).
    """

    def __init__(self, message: str, *, changes: Mapping[str, tuple[str, str]] | None = None) -> None:
        super().__init__(message)
        self.changes = dict(changes or {})


class DependencyError(ConflictError):
    """A command cannot be undone because later edits depend on it; ``rows`` names them."""

    def __init__(self, message: str, *, rows: Sequence[str]) -> None:
        super().__init__(message)
        self.rows = tuple(rows)


class BusyError(MainstayError):
    """The database or a quota is exhausted for the moment; trying again later is right."""


class QuotaError(BusyError):
    """A person has as much under way as they may have; what they have will make room."""


class SchemaVersionError(MainstayError):
    """The database schema is older or newer than this code."""
