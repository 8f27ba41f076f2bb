"""
Skill events of an import that is still being written do not count, whoever asks for them.

The rows of a large file are appended in many short transactions and count from the moment at which the state of their
import changes.  Every query of the log would have to leave them out until then; so that none can forget it, the
condition is added here to each ORM query that names the log, subqueries and relationships included.
"""

from __future__ import annotations

from sqlalchemy import event, or_, select
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria

from webapp.models.importing import ImportBatch, ImportState
from webapp.models.record import SkillEvent

_staged = select(ImportBatch.id).where(ImportBatch.state == ImportState.STAGED)
_COUNTS = with_loader_criteria(
    SkillEvent,
    or_(SkillEvent.import_batch_id.is_(None), SkillEvent.import_batch_id.not_in(_staged)),
    include_aliases=True,
)


@event.listens_for(Session, "do_orm_execute")
def _leave_out_staged(state: ORMExecuteState) -> None:
    # What is loaded for a row that was found before needs no second judgement.
    if state.is_select and not state.is_column_load and not state.is_relationship_load:
        state.statement = state.statement.options(_COUNTS)
