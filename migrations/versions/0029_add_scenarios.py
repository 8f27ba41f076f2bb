"""
Add scenarios, trials of weights, policies of sites and what went to WFM; policies get a reason and can be retired.

Revision: 0029, after 0028.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)
_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("policy", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", sa.String(length=300), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("retired_at", _MOMENT, nullable=True))
        batch_op.add_column(sa.Column("created_by_id", _KEY, nullable=True))
        batch_op.create_foreign_key(op.f("fk_policy_created_by_id_person"), "person", ["created_by_id"], ["id"])
    op.create_table(
        "scenario",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("changes", _JSON, nullable=False),
        sa.Column("policy_code", sa.String(length=80), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("time_limit_seconds", sa.Double(), nullable=False),
        sa.Column("interval_minutes", sa.Integer(), nullable=False),
        sa.Column("keep_before", _MOMENT, nullable=True),
        sa.Column("policy_id", _KEY, nullable=True),
        sa.Column("base_plan_id", _KEY, nullable=True),
        sa.Column("input_digest", sa.String(length=64), nullable=False),
        sa.Column("starts_at", _MOMENT, nullable=True),
        sa.Column("problem", _JSON, nullable=True),
        sa.Column("answer", _JSON, nullable=True),
        sa.Column("solved_at", _MOMENT, nullable=True),
        sa.Column("applied_at", _MOMENT, nullable=True),
        sa.Column("removed_at", _MOMENT, nullable=True),
        sa.Column("job_id", _KEY, nullable=True),
        sa.Column("created_by_id", _KEY, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("time_limit_seconds > 0", name=op.f("ck_scenario_time_limit")),
        sa.ForeignKeyConstraint(["base_plan_id"], ["plan.id"], name=op.f("fk_scenario_base_plan_id_plan")),
        sa.ForeignKeyConstraint(["created_by_id"], ["person.id"], name=op.f("fk_scenario_created_by_id_person")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_scenario_job_id_job")),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name=op.f("fk_scenario_policy_id_policy")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_scenario_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scenario")),
    )
    op.create_index("ix_scenario_site_day", "scenario", ["site_id", "day_on"], unique=False)
    op.create_table(
        "weight_trial",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("plan_id", _KEY, nullable=False),
        sa.Column("policy_id", _KEY, nullable=False),
        sa.Column("term", sa.String(length=20), nullable=False),
        sa.Column("grid", _JSON, nullable=False),
        sa.Column("seconds_each", sa.Double(), nullable=False),
        sa.Column("points", _JSON, nullable=True),
        sa.Column("job_id", _KEY, nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_weight_trial_job_id_job")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_weight_trial_plan_id_plan")),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"], name=op.f("fk_weight_trial_policy_id_policy")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_weight_trial_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weight_trial")),
    )
    op.create_index("ix_weight_trial_site_day", "weight_trial", ["site_id", "day_on"], unique=False)
    op.create_table(
        "site_policy",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("policy_code", sa.String(length=80), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_site_policy_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_site_policy")),
        sa.UniqueConstraint("site_id", name=op.f("uq_site_policy_site_id")),
    )
    op.create_table(
        "block_export",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("blocks", _JSON, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_block_export_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_export")),
    )
    op.create_index("ix_block_export_site_created", "block_export", ["site_id", "created_at"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("block_export")
    op.drop_table("site_policy")
    op.drop_table("weight_trial")
    op.drop_table("scenario")
    with op.batch_alter_table("policy", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("fk_policy_created_by_id_person"), type_="foreignkey")
        batch_op.drop_column("created_by_id")
        batch_op.drop_column("retired_at")
        batch_op.drop_column("reason")
