"""
Add the criteria of quality evaluations and the skills that they speak of.

Revision: 0016, after 0015.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "evaluation_criterion",
        sa.Column("id", _key(), nullable=False),
        sa.Column("form", sa.String(length=120), nullable=False),
        sa.Column("criterion", sa.String(length=200), nullable=False),
        sa.Column("skill_id", _key(), nullable=True),
        sa.Column("cuts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("ignored", sa.Boolean(), nullable=False),
        sa.Column("waiting", sa.Integer(), nullable=False),
        sa.Column("last_batch_id", _key(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["last_batch_id"], ["import_batch.id"], name=op.f("fk_evaluation_criterion_last_batch_id_import_batch")
        ),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_evaluation_criterion_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_criterion")),
        sa.UniqueConstraint("form", "criterion", name=op.f("uq_evaluation_criterion_form_criterion")),
    )
    with op.batch_alter_table("evaluation_criterion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_evaluation_criterion_skill_id"), ["skill_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("evaluation_criterion")
