"""
Add skill events and the records projected from them.

Revision: 0004, after 0003.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "skill_record",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("claimed_level", sa.Integer(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("validated_level", sa.Integer(), nullable=False),
        sa.Column("validated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("validated_by", sa.String(length=40), nullable=True),
        sa.Column("effective_level", sa.Integer(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("holds_from", sa.Date(), nullable=True),
        sa.Column("changes_on", sa.Date(), nullable=True),
        sa.Column("interest", sa.String(length=40), nullable=False),
        sa.Column("last_used_on", sa.Date(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_skill_record_person_id_person")),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_skill_record_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill_record")),
        sa.UniqueConstraint("person_id", "skill_id", name=op.f("uq_skill_record_person_id_skill_id")),
    )
    with op.batch_alter_table("skill_record", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_skill_record_changes_on"), ["changes_on"], unique=False)
        batch_op.create_index("ix_skill_record_skill_level", ["skill_id", "effective_level"], unique=False)

    op.create_table(
        "skill_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("person_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("author_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("level", sa.Integer(), nullable=True),
        sa.Column("interest", sa.String(length=40), nullable=True),
        sa.Column("count", sa.Integer(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("retracts_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("import_batch_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.CheckConstraint("level IS NULL OR level BETWEEN 0 AND 5", name=op.f("ck_skill_event_level")),
        sa.ForeignKeyConstraint(["author_id"], ["person.id"], name=op.f("fk_skill_event_author_id_person")),
        sa.ForeignKeyConstraint(
            ["import_batch_id"], ["import_batch.id"], name=op.f("fk_skill_event_import_batch_id_import_batch")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_skill_event_person_id_person")),
        sa.ForeignKeyConstraint(
            ["retracts_id"], ["skill_event.id"], name=op.f("fk_skill_event_retracts_id_skill_event")
        ),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_skill_event_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill_event")),
    )
    with op.batch_alter_table("skill_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_skill_event_import_batch_id"), ["import_batch_id"], unique=False)
        batch_op.create_index("ix_skill_event_record", ["person_id", "skill_id", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_skill_event_skill_id"), ["skill_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("skill_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_skill_event_skill_id"))
        batch_op.drop_index("ix_skill_event_record")
        batch_op.drop_index(batch_op.f("ix_skill_event_import_batch_id"))

    op.drop_table("skill_event")
    with op.batch_alter_table("skill_record", schema=None) as batch_op:
        batch_op.drop_index("ix_skill_record_skill_level")
        batch_op.drop_index(batch_op.f("ix_skill_record_changes_on"))

    op.drop_table("skill_record")
