"""The audit trail: who changed what, when, chained by hash so that a later edit is found."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import ForeignKey, Index, String, event
from sqlalchemy.orm import Mapped, ORMExecuteState, Session, UOWTransaction, mapped_column, relationship

from webapp.db import Base, Code, PrimaryKey
from webapp.models.organisation import Person


class AuditEvent(Base):
    """
    One change, written in the transaction that made it.

    ``detail`` holds ids, codes and values, never free text about a person.  ``digest`` is the SHA-256 of the previous
    event's digest and this event's content.
    """

    __tablename__ = "audit_event"
    __table_args__ = (Index("ix_audit_event_subject", "subject_kind", "subject_id"),)

    id: Mapped[PrimaryKey]
    at: Mapped[dt.datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    action: Mapped[Code]
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[int]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    detail: Mapped[dict[str, Any]]
    digest: Mapped[str] = mapped_column(String(64))

    actor: Mapped[Person | None] = relationship(foreign_keys=[actor_id])


class UnauditedChangeError(RuntimeError):
    """A transaction changed audited rows and wrote no audit event: a bug, refused before it is committed."""


@event.listens_for(Session, "after_flush")
def _note_changes(session: Session, _context: UOWTransaction) -> None:
    for instance in (*session.new, *session.dirty, *session.deleted):
        if isinstance(instance, AuditEvent):
            session.info["audited"] = True
        elif getattr(instance, "audited", True) and (instance not in session.dirty or session.is_modified(instance)):
            session.info.setdefault("changed", type(instance).__name__)


@event.listens_for(Session, "do_orm_execute")
def _note_statements(state: ORMExecuteState) -> None:
    if (state.is_insert or state.is_update or state.is_delete) and state.bind_mapper is not None:
        model = state.bind_mapper.class_
        if getattr(model, "audited", True):
            state.session.info.setdefault("changed", model.__name__)


@event.listens_for(Session, "before_commit")
def _refuse_unaudited(session: Session) -> None:
    session.flush()
    # The event comes for a savepoint, too; the audit event may still follow it in the same transaction.
    if session.in_nested_transaction():
        return
    changed, audited = session.info.pop("changed", None), session.info.pop("audited", False)
    if changed and not audited:
        raise UnauditedChangeError(f"{changed} rows changed without an audit event in the same transaction.")


@event.listens_for(Session, "after_rollback")
def _forget_changes(session: Session) -> None:
    session.info.pop("changed", None)
    session.info.pop("audited", None)
