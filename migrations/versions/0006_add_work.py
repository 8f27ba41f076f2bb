"""
Add engagement types, engagements, contacts and forecasts.

Revision: 0006, after 0005.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "engagement_type",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("stance", sa.String(length=40), nullable=False),
        sa.Column("handle_minutes", sa.Double(), nullable=False),
        sa.Column("median_handle_minutes", sa.Double(), nullable=True),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("concurrency >= 1", name=op.f("ck_engagement_type_concurrency")),
        sa.CheckConstraint("handle_minutes > 0", name=op.f("ck_engagement_type_handle_minutes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engagement_type")),
        sa.UniqueConstraint("code", name=op.f("uq_engagement_type_code")),
    )
    op.create_table(
        "type_requirement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("engagement_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("preferred", sa.Boolean(), nullable=False),
        sa.CheckConstraint("level BETWEEN 1 AND 5", name=op.f("ck_type_requirement_level")),
        sa.CheckConstraint("weight > 0", name=op.f("ck_type_requirement_weight")),
        sa.ForeignKeyConstraint(
            ["engagement_type_id"],
            ["engagement_type.id"],
            name=op.f("fk_type_requirement_engagement_type_id_engagement_type"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_type_requirement_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_type_requirement")),
        sa.UniqueConstraint(
            "engagement_type_id", "skill_id", name=op.f("uq_type_requirement_engagement_type_id_skill_id")
        ),
    )
    with op.batch_alter_table("type_requirement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_type_requirement_skill_id"), ["skill_id"], unique=False)

    op.create_table(
        "engagement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("external_id", sa.String(length=80), nullable=False),
        sa.Column("site_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("engagement_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("customer_key", sa.String(length=80), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("earliest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("latest_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("minutes", sa.Double(), nullable=True),
        sa.Column("owner_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("earliest_at <= due_at AND due_at <= latest_at", name=op.f("ck_engagement_window")),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name=op.f("ck_engagement_priority")),
        sa.ForeignKeyConstraint(
            ["engagement_type_id"],
            ["engagement_type.id"],
            name=op.f("fk_engagement_engagement_type_id_engagement_type"),
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_engagement_owner_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_engagement_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engagement")),
        sa.UniqueConstraint("external_id", name=op.f("uq_engagement_external_id")),
    )
    with op.batch_alter_table("engagement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_engagement_customer_key"), ["customer_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_engagement_engagement_type_id"), ["engagement_type_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_engagement_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("ix_engagement_site_window", ["site_id", "earliest_at", "latest_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_engagement_state"), ["state"], unique=False)

    op.create_table(
        "contact",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("external_id", sa.String(length=80), nullable=False),
        sa.Column("site_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("engagement_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("customer_key", sa.String(length=80), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wait_seconds", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.String(length=40), nullable=False),
        sa.Column("import_batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["engagement_type_id"], ["engagement_type.id"], name=op.f("fk_contact_engagement_type_id_engagement_type")
        ),
        sa.ForeignKeyConstraint(
            ["import_batch_id"], ["import_batch.id"], name=op.f("fk_contact_import_batch_id_import_batch")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_contact_person_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_contact_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("external_id", name=op.f("uq_contact_external_id")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_import_batch_id"), ["import_batch_id"], unique=False)
        batch_op.create_index("ix_contact_person_type", ["person_id", "engagement_type_id"], unique=False)
        batch_op.create_index("ix_contact_site_arrived", ["site_id", "arrived_at"], unique=False)

    op.create_table(
        "forecast_interval",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("site_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("engagement_type_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("length_minutes", sa.Integer(), nullable=False),
        sa.Column("volume", sa.Double(), nullable=False),
        sa.Column("minutes", sa.Double(), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("import_batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("minutes >= 0 AND volume >= 0", name=op.f("ck_forecast_interval_not_negative")),
        sa.ForeignKeyConstraint(
            ["engagement_type_id"],
            ["engagement_type.id"],
            name=op.f("fk_forecast_interval_engagement_type_id_engagement_type"),
        ),
        sa.ForeignKeyConstraint(
            ["import_batch_id"], ["import_batch.id"], name=op.f("fk_forecast_interval_import_batch_id_import_batch")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_forecast_interval_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forecast_interval")),
        sa.UniqueConstraint(
            "site_id",
            "engagement_type_id",
            "starts_at",
            name=op.f("uq_forecast_interval_site_id_engagement_type_id_starts_at"),
        ),
    )
    with op.batch_alter_table("forecast_interval", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_forecast_interval_import_batch_id"), ["import_batch_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_forecast_interval_starts_at"), ["starts_at"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("forecast_interval", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_forecast_interval_starts_at"))
        batch_op.drop_index(batch_op.f("ix_forecast_interval_import_batch_id"))

    op.drop_table("forecast_interval")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_site_arrived")
        batch_op.drop_index("ix_contact_person_type")
        batch_op.drop_index(batch_op.f("ix_contact_import_batch_id"))

    op.drop_table("contact")
    with op.batch_alter_table("engagement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_engagement_state"))
        batch_op.drop_index("ix_engagement_site_window")
        batch_op.drop_index(batch_op.f("ix_engagement_owner_id"))
        batch_op.drop_index(batch_op.f("ix_engagement_engagement_type_id"))
        batch_op.drop_index(batch_op.f("ix_engagement_customer_key"))

    op.drop_table("engagement")
    with op.batch_alter_table("type_requirement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_type_requirement_skill_id"))

    op.drop_table("type_requirement")
    op.drop_table("engagement_type")
