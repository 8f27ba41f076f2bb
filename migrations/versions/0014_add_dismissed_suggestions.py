"""
Add suggestions that people dismissed.

Revision: 0014, after 0013.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "dismissed_suggestion",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("skill_id", _KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_dismissed_suggestion_person_id_person")),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_dismissed_suggestion_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dismissed_suggestion")),
        sa.UniqueConstraint("person_id", "skill_id", name=op.f("uq_dismissed_suggestion_person_id_skill_id")),
    )
    with op.batch_alter_table("dismissed_suggestion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dismissed_suggestion_skill_id"), ["skill_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("dismissed_suggestion")
