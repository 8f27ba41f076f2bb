"""
Add simulations: days of real contacts under other policies of routing.

Revision: 0027, after 0026.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "simulation",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("policies", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("seeds", sa.Integer(), nullable=False),
        sa.Column("first_seed", sa.Integer(), nullable=False),
        sa.Column("target_seconds", sa.Integer(), nullable=False),
        sa.Column("job_id", _KEY, nullable=True),
        sa.Column("inputs", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seeds BETWEEN 1 AND 200", name=op.f("ck_simulation_seeds")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_simulation_job_id_job")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_simulation_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulation")),
        sa.UniqueConstraint("job_id", name=op.f("uq_simulation_job_id")),
    )
    with op.batch_alter_table("simulation", schema=None) as batch_op:
        batch_op.create_index("ix_simulation_site_day", ["site_id", "day_on"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("simulation")
