"""
Add the skill catalogue.

Revision: 0002, after 0001.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "skill_group",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill_group")),
        sa.UniqueConstraint("code", name=op.f("uq_skill_group_code")),
    )
    op.create_table(
        "skill",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["skill_group.id"], name=op.f("fk_skill_group_id_skill_group")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill")),
        sa.UniqueConstraint("code", name=op.f("uq_skill_code")),
    )
    with op.batch_alter_table("skill", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_skill_group_id"), ["group_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_skill_name"), ["name"], unique=False)

    op.create_table(
        "skill_level_description",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint("level BETWEEN 1 AND 5", name=op.f("ck_skill_level_description_level")),
        sa.ForeignKeyConstraint(
            ["skill_id"], ["skill.id"], name=op.f("fk_skill_level_description_skill_id_skill"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill_level_description")),
        sa.UniqueConstraint("skill_id", "level", name=op.f("uq_skill_level_description_skill_id_level")),
    )
    op.create_table(
        "skill_link",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("other_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.CheckConstraint("skill_id <> other_id", name=op.f("ck_skill_link_no_loop")),
        sa.CheckConstraint("weight > 0 AND weight <= 1", name=op.f("ck_skill_link_weight")),
        sa.ForeignKeyConstraint(
            ["other_id"], ["skill.id"], name=op.f("fk_skill_link_other_id_skill"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["skill_id"], ["skill.id"], name=op.f("fk_skill_link_skill_id_skill"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill_link")),
        sa.UniqueConstraint("skill_id", "other_id", "kind", name=op.f("uq_skill_link_skill_id_other_id_kind")),
    )
    with op.batch_alter_table("skill_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_skill_link_other_id"), ["other_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_skill_link_skill_id"), ["skill_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("skill_link", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_skill_link_skill_id"))
        batch_op.drop_index(batch_op.f("ix_skill_link_other_id"))

    op.drop_table("skill_link")
    op.drop_table("skill_level_description")
    with op.batch_alter_table("skill", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_skill_name"))
        batch_op.drop_index(batch_op.f("ix_skill_group_id"))

    op.drop_table("skill")
    op.drop_table("skill_group")
