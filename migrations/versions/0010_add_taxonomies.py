"""
Add taxonomies with their releases, and synonyms of skills.

Revision: 0010, after 0009.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "taxonomy",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy")),
        sa.UniqueConstraint("code", name=op.f("uq_taxonomy_code")),
    )
    op.create_table(
        "taxonomy_release",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("taxonomy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("base_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_by_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["base_id"], ["taxonomy_release.id"], name=op.f("fk_taxonomy_release_base_id_taxonomy_release")
        ),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["person.id"], name=op.f("fk_taxonomy_release_created_by_id_person")
        ),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_taxonomy_release_job_id_job")),
        sa.ForeignKeyConstraint(
            ["taxonomy_id"], ["taxonomy.id"], name=op.f("fk_taxonomy_release_taxonomy_id_taxonomy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy_release")),
    )
    with op.batch_alter_table("taxonomy_release", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_taxonomy_release_taxonomy_id"), ["taxonomy_id"], unique=False)

    op.create_table(
        "taxonomy_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("release_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("concept_kind", sa.String(length=40), nullable=False),
        sa.Column("uri", sa.String(length=300), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["release_id"],
            ["taxonomy_release.id"],
            name=op.f("fk_taxonomy_change_release_id_taxonomy_release"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy_change")),
    )
    with op.batch_alter_table("taxonomy_change", schema=None) as batch_op:
        batch_op.create_index("ix_taxonomy_change_release_kind", ["release_id", "kind"], unique=False)

    op.create_table(
        "taxonomy_concept",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("taxonomy_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("uri", sa.String(length=300), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("label", sa.String(length=300), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("collections", sa.String(length=300), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("added_in_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("removed_in_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["added_in_id"], ["taxonomy_release.id"], name=op.f("fk_taxonomy_concept_added_in_id_taxonomy_release")
        ),
        sa.ForeignKeyConstraint(
            ["removed_in_id"], ["taxonomy_release.id"], name=op.f("fk_taxonomy_concept_removed_in_id_taxonomy_release")
        ),
        sa.ForeignKeyConstraint(
            ["taxonomy_id"], ["taxonomy.id"], name=op.f("fk_taxonomy_concept_taxonomy_id_taxonomy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy_concept")),
        sa.UniqueConstraint("taxonomy_id", "uri", name=op.f("uq_taxonomy_concept_taxonomy_id_uri")),
    )
    with op.batch_alter_table("taxonomy_concept", schema=None) as batch_op:
        batch_op.create_index("ix_taxonomy_concept_taxonomy_kind_label", ["taxonomy_id", "kind", "label"], unique=False)

    op.create_table(
        "taxonomy_label",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("concept_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["concept_id"], ["taxonomy_concept.id"], name=op.f("fk_taxonomy_label_concept_id_taxonomy_concept")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy_label")),
    )
    with op.batch_alter_table("taxonomy_label", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_taxonomy_label_concept_id"), ["concept_id"], unique=False)

    op.create_table(
        "taxonomy_relation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("concept_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("other_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("importance", sa.Double(), nullable=True),
        sa.Column("level", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(
            ["concept_id"], ["taxonomy_concept.id"], name=op.f("fk_taxonomy_relation_concept_id_taxonomy_concept")
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["taxonomy_concept.id"], name=op.f("fk_taxonomy_relation_other_id_taxonomy_concept")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_taxonomy_relation")),
        sa.UniqueConstraint(
            "concept_id", "other_id", "kind", name=op.f("uq_taxonomy_relation_concept_id_other_id_kind")
        ),
    )
    with op.batch_alter_table("taxonomy_relation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_taxonomy_relation_other_id"), ["other_id"], unique=False)

    op.create_table(
        "skill_synonym",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("skill_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("text", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["skill_id"], ["skill.id"], name=op.f("fk_skill_synonym_skill_id_skill"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_skill_synonym")),
        sa.UniqueConstraint("skill_id", "text", name=op.f("uq_skill_synonym_skill_id_text")),
    )
    with op.batch_alter_table("skill", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("concept_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True)
        )
        batch_op.create_index(batch_op.f("ix_skill_concept_id"), ["concept_id"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_skill_concept_id_taxonomy_concept"), "taxonomy_concept", ["concept_id"], ["id"]
        )


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("skill", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_skill_concept_id_taxonomy_concept"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_skill_concept_id"))
        batch_op.drop_column("concept_id")
    op.drop_table("skill_synonym")
    op.drop_table("taxonomy_relation")
    op.drop_table("taxonomy_label")
    op.drop_table("taxonomy_concept")
    op.drop_table("taxonomy_change")
    op.drop_table("taxonomy_release")
    op.drop_table("taxonomy")
