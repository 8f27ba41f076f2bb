"""
Add the systems that work comes from, their events, and what these were made of.

Revision: 0021, after 0020.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "intake_source",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("public_id", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("preset", sa.String(length=40), nullable=False),
        sa.Column("signature", sa.String(length=40), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("former_secret", sa.Text(), nullable=True),
        sa.Column("former_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mapping_number", sa.Integer(), nullable=False),
        sa.Column("default_type_id", _KEY, nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("retention_days BETWEEN 1 AND 366", name=op.f("ck_intake_source_retention_days")),
        sa.CheckConstraint("threshold BETWEEN 0 AND 1", name=op.f("ck_intake_source_threshold")),
        sa.ForeignKeyConstraint(
            ["default_type_id"], ["engagement_type.id"], name=op.f("fk_intake_source_default_type_id_engagement_type")
        ),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_intake_source_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_source")),
        sa.UniqueConstraint("public_id", name=op.f("uq_intake_source_public_id")),
    )
    with op.batch_alter_table("intake_source", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_intake_source_site_id"), ["site_id"], unique=False)

    op.create_table(
        "intake_mapping",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("source_id", _KEY, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("rules", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("created_by_id", _KEY, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["person.id"], name=op.f("fk_intake_mapping_created_by_id_person")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["intake_source.id"], name=op.f("fk_intake_mapping_source_id_intake_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_mapping")),
        sa.UniqueConstraint("source_id", "number", name=op.f("uq_intake_mapping_source_id_number")),
    )
    op.create_table(
        "intake_rerun",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("source_id", _KEY, nullable=False),
        sa.Column("mapping_number", sa.Integer(), nullable=False),
        sa.Column("changes", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", _KEY, nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_intake_rerun_by_id_person")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["intake_source.id"], name=op.f("fk_intake_rerun_source_id_intake_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_rerun")),
    )
    with op.batch_alter_table("intake_rerun", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_intake_rerun_source_id"), ["source_id"], unique=False)

    op.create_table(
        "intake_item",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("source_id", _KEY, nullable=False),
        sa.Column("external_key", sa.String(length=80), nullable=False),
        sa.Column("customer_key", sa.String(length=80), nullable=False),
        sa.Column("facts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("verdict", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("typed", sa.Boolean(), nullable=False),
        sa.Column("engagement_id", _KEY, nullable=True),
        sa.Column("contact_id", _KEY, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_intake_item_contact_id_contact")),
        sa.ForeignKeyConstraint(
            ["engagement_id"], ["engagement.id"], name=op.f("fk_intake_item_engagement_id_engagement")
        ),
        sa.ForeignKeyConstraint(
            ["source_id"], ["intake_source.id"], name=op.f("fk_intake_item_source_id_intake_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_item")),
        sa.UniqueConstraint("contact_id", name=op.f("uq_intake_item_contact_id")),
        sa.UniqueConstraint("engagement_id", name=op.f("uq_intake_item_engagement_id")),
        sa.UniqueConstraint("source_id", "external_key", name=op.f("uq_intake_item_source_id_external_key")),
    )
    with op.batch_alter_table("intake_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_intake_item_customer_key"), ["customer_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_intake_item_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "intake_event",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("source_id", _KEY, nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("body_digest", sa.String(length=64), nullable=False),
        sa.Column("customer_key", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("item_id", _KEY, nullable=True),
        sa.Column("mapping_number", sa.Integer(), nullable=False),
        sa.Column("copies", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["item_id"], ["intake_item.id"], name=op.f("fk_intake_event_item_id_intake_item")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["intake_source.id"], name=op.f("fk_intake_event_source_id_intake_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_event")),
        sa.UniqueConstraint("source_id", "external_id", name=op.f("uq_intake_event_source_id_external_id")),
    )
    with op.batch_alter_table("intake_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_intake_event_customer_key"), ["customer_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_intake_event_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_intake_event_item_id"), ["item_id"], unique=False)
        batch_op.create_index("ix_intake_event_source_received", ["source_id", "received_at"], unique=False)
        batch_op.create_index("ix_intake_event_source_state", ["source_id", "state", "id"], unique=False)

    op.create_table(
        "intake_example",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("source_id", _KEY, nullable=False),
        sa.Column("item_id", _KEY, nullable=False),
        sa.Column("engagement_type_id", _KEY, nullable=False),
        sa.Column("customer_key", sa.String(length=80), nullable=False),
        sa.Column("words", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["engagement_type_id"],
            ["engagement_type.id"],
            name=op.f("fk_intake_example_engagement_type_id_engagement_type"),
        ),
        sa.ForeignKeyConstraint(["item_id"], ["intake_item.id"], name=op.f("fk_intake_example_item_id_intake_item")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["intake_source.id"], name=op.f("fk_intake_example_source_id_intake_source")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake_example")),
        sa.UniqueConstraint("item_id", name=op.f("uq_intake_example_item_id")),
    )
    with op.batch_alter_table("intake_example", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_intake_example_customer_key"), ["customer_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_intake_example_source_id"), ["source_id"], unique=False)

    # ### end Alembic commands ###


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("intake_example")
    op.drop_table("intake_event")
    op.drop_table("intake_item")
    op.drop_table("intake_rerun")
    op.drop_table("intake_mapping")
    op.drop_table("intake_source")
