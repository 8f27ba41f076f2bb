"""
Stage imports: events of one that is still written do not count, and its projection goes on after a kill.

Revision: 0015, after 0014.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.add_column(sa.Column("projected_to", sa.BigInteger(), nullable=True))
        batch_op.create_index("ix_import_batch_state", ["state"], unique=False)
        batch_op.create_index("ix_import_batch_projected_to", ["projected_to"], unique=False)

    with op.batch_alter_table("skill_event", schema=None) as batch_op:
        batch_op.create_index("ix_skill_event_batch", ["import_batch_id", "id"], unique=False)
        batch_op.drop_index("ix_skill_event_import_batch_id")


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("skill_event", schema=None) as batch_op:
        batch_op.create_index("ix_skill_event_import_batch_id", ["import_batch_id"], unique=False)
        batch_op.drop_index("ix_skill_event_batch")

    with op.batch_alter_table("import_batch", schema=None) as batch_op:
        batch_op.drop_index("ix_import_batch_projected_to")
        batch_op.drop_index("ix_import_batch_state")
        batch_op.drop_column("projected_to")
