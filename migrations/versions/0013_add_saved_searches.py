"""
Add saved searches and actions for many people at once.

Revision: 0013, after 0012.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "saved_search",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("owner_id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_saved_search_owner_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
    )
    with op.batch_alter_table("saved_search", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_saved_search_owner_id"), ["owner_id"], unique=False)
    op.create_table(
        "bulk_action",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("skill_id", _KEY, nullable=False),
        sa.Column("by_id", _KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.JSON(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_bulk_action_by_id_person")),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_bulk_action_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_action")),
    )
    with op.batch_alter_table("bulk_action", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulk_action_skill_id"), ["skill_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("bulk_action")
    op.drop_table("saved_search")
