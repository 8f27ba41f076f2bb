"""
Add service roles, steps and hiring profiles.

Revision: 0008, after 0007.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "service_role",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("authority", sa.String(length=300), nullable=False),
        sa.Column("rung", sa.Integer(), nullable=False),
        sa.Column("pay_from", sa.Integer(), nullable=False),
        sa.Column("pay_to", sa.Integer(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("outside", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("pay_from <= pay_to", name=op.f("ck_service_role_pay")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service_role")),
        sa.UniqueConstraint("code", name=op.f("uq_service_role_code")),
    )
    op.create_table(
        "role_step",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_role_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("to_role_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["from_role_id"],
            ["service_role.id"],
            name=op.f("fk_role_step_from_role_id_service_role"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["to_role_id"], ["service_role.id"], name=op.f("fk_role_step_to_role_id_service_role"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_step")),
        sa.UniqueConstraint("from_role_id", "to_role_id", name=op.f("uq_role_step_from_role_id_to_role_id")),
    )
    with op.batch_alter_table("role_step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_role_step_to_role_id"), ["to_role_id"], unique=False)

    op.create_table(
        "role_requirement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("service_role_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("gate", sa.Boolean(), nullable=False),
        sa.CheckConstraint("level BETWEEN 1 AND 5", name=op.f("ck_role_requirement_level")),
        sa.ForeignKeyConstraint(
            ["service_role_id"],
            ["service_role.id"],
            name=op.f("fk_role_requirement_service_role_id_service_role"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_role_requirement_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_role_requirement")),
        sa.UniqueConstraint("service_role_id", "skill_id", name=op.f("uq_role_requirement_service_role_id_skill_id")),
    )
    with op.batch_alter_table("role_requirement", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_role_requirement_skill_id"), ["skill_id"], unique=False)

    op.create_table(
        "hiring_profile",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("site_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("plan_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("head_count", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("basis", sa.JSON(), nullable=False),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["created_by_id"], ["person.id"], name=op.f("fk_hiring_profile_created_by_id_person")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_hiring_profile_plan_id_plan")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_hiring_profile_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hiring_profile")),
    )
    with op.batch_alter_table("hiring_profile", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hiring_profile_site_id"), ["site_id"], unique=False)

    op.create_table(
        "profile_requirement",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hiring_profile_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("gate", sa.Boolean(), nullable=False),
        sa.Column("demand_minutes", sa.Double(), nullable=False),
        sa.Column("engagement_count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["hiring_profile_id"],
            ["hiring_profile.id"],
            name=op.f("fk_profile_requirement_hiring_profile_id_hiring_profile"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_profile_requirement_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile_requirement")),
        sa.UniqueConstraint(
            "hiring_profile_id", "skill_id", name=op.f("uq_profile_requirement_hiring_profile_id_skill_id")
        ),
    )
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("service_role_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_index(batch_op.f("ix_person_service_role_id"), ["service_role_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_person_service_role_id_service_role"), "service_role", ["service_role_id"], ["id"]
        )


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_person_service_role_id_service_role"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_person_service_role_id"))
        batch_op.drop_column("service_role_id")

    op.drop_table("profile_requirement")
    with op.batch_alter_table("hiring_profile", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_hiring_profile_site_id"))

    op.drop_table("hiring_profile")
    with op.batch_alter_table("role_requirement", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_role_requirement_skill_id"))

    op.drop_table("role_requirement")
    with op.batch_alter_table("role_step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_role_step_to_role_id"))

    op.drop_table("role_step")
    op.drop_table("service_role")
