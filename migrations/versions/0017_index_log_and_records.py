"""
Index what takes events back, and let searches for levels read an index alone.

Revision: 0017, after 0016.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_TAKES_BACK = sa.text("retracts_id IS NOT NULL")


def upgrade() -> None:
    """Apply the change."""
    op.create_index(
        "ix_skill_event_retracts_id",
        "skill_event",
        ["retracts_id"],
        unique=False,
        sqlite_where=_TAKES_BACK,
        postgresql_where=_TAKES_BACK,
    )
    op.drop_index("ix_skill_record_skill_level", table_name="skill_record")
    op.create_index(
        "ix_skill_record_skill_level",
        "skill_record",
        ["skill_id", "effective_level", "person_id", "changes_on", "holds_from"],
        unique=False,
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_index("ix_skill_record_skill_level", table_name="skill_record")
    op.create_index("ix_skill_record_skill_level", "skill_record", ["skill_id", "effective_level"], unique=False)
    op.drop_index("ix_skill_event_retracts_id", table_name="skill_event")
