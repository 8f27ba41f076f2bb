"""
Find a customer's contacts by their key, and tell one beginning of a site's routing from another.

Revision: 0025, after 0024.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index("ix_contact_customer_arrived", ["customer_key", "arrived_at"], unique=False)
    with op.batch_alter_table("routing_floor", schema=None) as batch_op:
        batch_op.add_column(sa.Column("epoch", sa.String(length=36), nullable=False, server_default=""))
    with op.batch_alter_table("routing_floor", schema=None) as batch_op:
        batch_op.alter_column("epoch", server_default=None)


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("routing_floor", schema=None) as batch_op:
        batch_op.drop_column("epoch")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_customer_arrived")
