"""
Say by which key an erased customer's digest was made, and what the person of an export saw when it was written.

Revision: 0035, after 0033.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change; the application keys the digests, because a migration knows no secret."""
    op.add_column("erased_customer", sa.Column("key_id", sa.String(length=16), nullable=True))
    op.add_column("export_file", sa.Column("scope", sa.JSON(none_as_null=True), nullable=True))


def downgrade() -> None:
    """Take the change back; customers whose digests were keyed meanwhile are unknown to the older version."""
    with op.batch_alter_table("export_file", schema=None) as batch_op:
        batch_op.drop_column("scope")
    with op.batch_alter_table("erased_customer", schema=None) as batch_op:
        batch_op.drop_column("key_id")
