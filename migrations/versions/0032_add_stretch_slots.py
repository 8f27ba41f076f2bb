"""
Add stretch slots: when, and in which skill, agents choose to grow.

Revision: 0032, after 0031.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_stretch_slot_{column}_{table}"))


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "stretch_slot",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("skill_id", _KEY, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_id", _KEY, nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_stretch_slot_order")),
        _key("person_id", "person"),
        _key("skill_id", "skill"),
        _key("decided_by_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stretch_slot")),
    )
    with op.batch_alter_table("stretch_slot", schema=None) as batch_op:
        batch_op.create_index("ix_stretch_slot_person_start", ["person_id", "starts_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_stretch_slot_skill_id"), ["skill_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_stretch_slot_starts_at"), ["starts_at"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("stretch_slot")
