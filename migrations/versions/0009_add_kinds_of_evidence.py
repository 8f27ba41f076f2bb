"""
Add kinds of evidence, fading levels and merged skills.

Revision: 0009, after 0008. Every record is marked as out of date, in both directions: pages project it from the log,
and ``mainstay records refresh`` writes it anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OUT_OF_DATE = "UPDATE skill_record SET holds_from = NULL, changes_on = '1970-01-01'"
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "attachment",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("content_type", sa.String(length=80), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", _KEY, nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_attachment_person_id_person")),
        sa.ForeignKeyConstraint(["created_by_id"], ["person.id"], name=op.f("fk_attachment_created_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    with op.batch_alter_table("attachment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attachment_person_id"), ["person_id"], unique=False)

    op.create_table(
        "skill_merge",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("source_id", _KEY, nullable=False),
        sa.Column("target_id", _KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", _KEY, nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["skill.id"], name=op.f("fk_skill_merge_source_id_skill")),
        sa.ForeignKeyConstraint(["target_id"], ["skill.id"], name=op.f("fk_skill_merge_target_id_skill")),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"], name=op.f("fk_skill_merge_by_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill_merge")),
    )
    with op.batch_alter_table("skill_merge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_skill_merge_source_id"), ["source_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_skill_merge_target_id"), ["target_id"], unique=False)

    with op.batch_alter_table("skill", schema=None) as batch_op:
        batch_op.add_column(sa.Column("half_life_days", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("certificate_required", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("merged_into_id", _KEY, nullable=True))
        batch_op.create_check_constraint(batch_op.f("ck_skill_half_life_days"), "half_life_days > 0")
        batch_op.create_foreign_key(batch_op.f("fk_skill_merged_into_id_skill"), "skill", ["merged_into_id"], ["id"])
        batch_op.create_index(batch_op.f("ix_skill_merged_into_id"), ["merged_into_id"], unique=False)
    with op.batch_alter_table("skill", schema=None) as batch_op:
        batch_op.alter_column("certificate_required", server_default=None)

    with op.batch_alter_table("skill_event", schema=None) as batch_op:
        batch_op.add_column(sa.Column("link", sa.String(length=400), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("attachment_id", _KEY, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_skill_event_attachment_id_attachment"), "attachment", ["attachment_id"], ["id"]
        )
    with op.batch_alter_table("skill_event", schema=None) as batch_op:
        batch_op.alter_column("link", server_default=None)

    with op.batch_alter_table("skill_record", schema=None) as batch_op:
        batch_op.add_column(sa.Column("validated_low", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("validated_high", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("dispute", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("fades_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("used_count", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("refreshed_on", sa.Date(), nullable=True))
        batch_op.create_index(batch_op.f("ix_skill_record_dispute"), ["dispute"], unique=False)
    op.execute(_OUT_OF_DATE)
    with op.batch_alter_table("skill_record", schema=None) as batch_op:
        for column in ("validated_low", "validated_high", "used_count"):
            batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    """Take the change back; evidence of the new kinds goes, because the old code cannot read it."""
    with op.batch_alter_table("skill_record", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_skill_record_dispute"))
        for column in (
            "refreshed_on",
            "used_count",
            "fades_on",
            "dispute",
            "reviewed_at",
            "validated_high",
            "validated_low",
        ):
            batch_op.drop_column(column)
    op.execute(_OUT_OF_DATE)
    # What takes such an event back goes with it, however long the chain of retractions is.
    op.execute(
        "DELETE FROM skill_event WHERE id IN (WITH RECURSIVE gone(id) AS (SELECT id FROM skill_event WHERE kind IN"
        " ('assessment', 'evaluation', 'certificate', 'badge', 'course', 'endorsement', 'use')"
        " UNION SELECT e.id FROM skill_event e JOIN gone ON e.retracts_id = gone.id) SELECT id FROM gone)"
    )
    with op.batch_alter_table("skill_event", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_skill_event_attachment_id_attachment"), type_="foreignkey")
        batch_op.drop_column("attachment_id")
        batch_op.drop_column("link")
    with op.batch_alter_table("skill", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_skill_merged_into_id"))
        batch_op.drop_constraint(batch_op.f("fk_skill_merged_into_id_skill"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("ck_skill_half_life_days"), type_="check")
        batch_op.drop_column("merged_into_id")
        batch_op.drop_column("certificate_required")
        batch_op.drop_column("half_life_days")
    op.drop_table("skill_merge")
    op.drop_table("attachment")
