"""
Add who looks after engagements, check-ins by rules, praise, and customers that were erased.

Revision: 0026, after 0025.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "erased_customer",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erased_customer")),
        sa.UniqueConstraint("digest", name=op.f("uq_erased_customer_digest")),
    )
    op.create_table(
        "check_in_rule",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("engagement_type_id", _KEY, nullable=False),
        sa.Column("trigger", sa.String(length=40), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("after_type_id", _KEY, nullable=True),
        sa.Column("from_hour", sa.Integer(), nullable=False),
        sa.Column("until_hour", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("days BETWEEN 1 AND 730", name=op.f("ck_check_in_rule_days")),
        sa.CheckConstraint(
            "from_hour >= 0 AND from_hour < until_hour AND until_hour <= 23", name=op.f("ck_check_in_rule_hours")
        ),
        sa.CheckConstraint("priority BETWEEN 1 AND 5", name=op.f("ck_check_in_rule_priority")),
        sa.ForeignKeyConstraint(
            ["after_type_id"], ["engagement_type.id"], name=op.f("fk_check_in_rule_after_type_id_engagement_type")
        ),
        sa.ForeignKeyConstraint(
            ["engagement_type_id"],
            ["engagement_type.id"],
            name=op.f("fk_check_in_rule_engagement_type_id_engagement_type"),
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_check_in_rule_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_in_rule")),
        sa.UniqueConstraint("site_id", "name", name=op.f("uq_check_in_rule_site_id_name")),
    )
    with op.batch_alter_table("check_in_rule", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_check_in_rule_site_id"), ["site_id"], unique=False)

    op.create_table(
        "work_settings",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("dispatcher_id", _KEY, nullable=True),
        sa.Column("slip_minutes", sa.Integer(), nullable=False),
        sa.Column("untouched_minutes", sa.Integer(), nullable=False),
        sa.Column("check_in_share", sa.Double(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("check_in_share BETWEEN 0 AND 1", name=op.f("ck_work_settings_check_in_share")),
        sa.CheckConstraint("slip_minutes BETWEEN 5 AND 1440", name=op.f("ck_work_settings_slip_minutes")),
        sa.CheckConstraint("untouched_minutes BETWEEN 5 AND 10080", name=op.f("ck_work_settings_untouched_minutes")),
        sa.ForeignKeyConstraint(["dispatcher_id"], ["person.id"], name=op.f("fk_work_settings_dispatcher_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_work_settings_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_work_settings")),
        sa.UniqueConstraint("site_id", name=op.f("uq_work_settings_site_id")),
    )
    op.create_table(
        "check_in",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("rule_id", _KEY, nullable=False),
        sa.Column("customer_key", sa.String(length=80), nullable=False),
        sa.Column("base_on", sa.Date(), nullable=False),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("engagement_id", _KEY, nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["engagement_id"], ["engagement.id"], name=op.f("fk_check_in_engagement_id_engagement")
        ),
        sa.ForeignKeyConstraint(["rule_id"], ["check_in_rule.id"], name=op.f("fk_check_in_rule_id_check_in_rule")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_in")),
        sa.UniqueConstraint("engagement_id", name=op.f("uq_check_in_engagement_id")),
        sa.UniqueConstraint(
            "rule_id", "customer_key", "base_on", name=op.f("uq_check_in_rule_id_customer_key_base_on")
        ),
    )
    with op.batch_alter_table("check_in", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_check_in_customer_key"), ["customer_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_check_in_day_on"), ["day_on"], unique=False)

    op.create_table(
        "praise",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("external_id", sa.String(length=80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("customer_key", sa.String(length=80), nullable=False),
        sa.Column("words", sa.String(length=400), nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("about_id", _KEY, nullable=True),
        sa.Column("thanks_id", _KEY, nullable=False),
        sa.Column("recorded_by_id", _KEY, nullable=True),
        sa.ForeignKeyConstraint(["about_id"], ["engagement.id"], name=op.f("fk_praise_about_id_engagement")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_praise_person_id_person")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["person.id"], name=op.f("fk_praise_recorded_by_id_person")),
        sa.ForeignKeyConstraint(["thanks_id"], ["engagement.id"], name=op.f("fk_praise_thanks_id_engagement")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_praise")),
        sa.UniqueConstraint("external_id", name=op.f("uq_praise_external_id")),
        sa.UniqueConstraint("thanks_id", name=op.f("uq_praise_thanks_id")),
    )
    with op.batch_alter_table("praise", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_praise_about_id"), ["about_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_praise_customer_key"), ["customer_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_praise_person_id"), ["person_id"], unique=False)


def downgrade() -> None:
    """Take the change back; check-ins and thank-yous that were made stay as engagements."""
    for table in ("praise", "check_in", "work_settings", "check_in_rule", "erased_customer"):
        op.drop_table(table)
