"""
Add swaps of two assignments between two agents.

Revision: 0024, after 0023.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_swap_{column}_{table}"))


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "swap",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("plan_id", _KEY, nullable=False),
        sa.Column("proposer_id", _KEY, nullable=False),
        sa.Column("engagement_id", _KEY, nullable=False),
        sa.Column("other_id", _KEY, nullable=False),
        sa.Column("other_engagement_id", _KEY, nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("value_lost", sa.Double(), nullable=True),
        sa.Column("decided_by_id", _KEY, nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_plan_id", _KEY, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("proposer_id <> other_id", name=op.f("ck_swap_two_people")),
        sa.CheckConstraint("engagement_id <> other_engagement_id", name=op.f("ck_swap_two_engagements")),
        _key("site_id", "site"),
        _key("plan_id", "plan"),
        _key("proposer_id", "person"),
        _key("engagement_id", "engagement"),
        _key("other_id", "person"),
        _key("other_engagement_id", "engagement"),
        _key("decided_by_id", "person"),
        _key("made_plan_id", "plan"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_swap")),
    )
    with op.batch_alter_table("swap", schema=None) as batch_op:
        batch_op.create_index("ix_swap_site_state", ["site_id", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_swap_plan_id"), ["plan_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_swap_proposer_id"), ["proposer_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_swap_other_id"), ["other_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("swap")
