"""
Add deputies of leads, and the key under which a periodic job is queued once.

Revision: 0012, after 0011.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "deputyship",
        sa.Column("id", _key(), nullable=False),
        sa.Column("lead_id", _key(), nullable=False),
        sa.Column("deputy_id", _key(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("named_by_id", _key(), nullable=True),
        sa.Column("named_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("starts_on < ends_on", name=op.f("ck_deputyship_days")),
        sa.CheckConstraint("lead_id <> deputy_id", name=op.f("ck_deputyship_two_people")),
        sa.ForeignKeyConstraint(["lead_id"], ["person.id"], name=op.f("fk_deputyship_lead_id_person")),
        sa.ForeignKeyConstraint(["deputy_id"], ["person.id"], name=op.f("fk_deputyship_deputy_id_person")),
        sa.ForeignKeyConstraint(["named_by_id"], ["person.id"], name=op.f("fk_deputyship_named_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deputyship")),
    )
    with op.batch_alter_table("deputyship", schema=None) as batch_op:
        batch_op.create_index("ix_deputyship_deputy", ["deputy_id", "ends_on"], unique=False)
        batch_op.create_index(batch_op.f("ix_deputyship_lead_id"), ["lead_id"], unique=False)

    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.add_column(sa.Column("period_key", sa.String(length=120), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_job_period_key"), ["period_key"])


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_job_period_key"), type_="unique")
        batch_op.drop_column("period_key")
    op.drop_table("deputyship")
