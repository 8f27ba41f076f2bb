"""
Add submitted evidence, trusted issuers of badges and what their badges mean.

Revision: 0011, after 0010.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "badge_issuer",
        sa.Column("id", _key(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("identifiers", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("keys", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("revoked", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_badge_issuer")),
        sa.UniqueConstraint("name", name=op.f("uq_badge_issuer_name")),
    )
    op.create_table(
        "badge_mapping",
        sa.Column("id", _key(), nullable=False),
        sa.Column("issuer_id", _key(), nullable=False),
        sa.Column("achievement_key", sa.String(length=400), nullable=False),
        sa.Column("skill_id", _key(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.CheckConstraint("level BETWEEN 1 AND 5", name=op.f("ck_badge_mapping_level")),
        sa.ForeignKeyConstraint(
            ["issuer_id"],
            ["badge_issuer.id"],
            name=op.f("fk_badge_mapping_issuer_id_badge_issuer"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_badge_mapping_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_badge_mapping")),
        sa.UniqueConstraint(
            "issuer_id", "achievement_key", "skill_id", name=op.f("uq_badge_mapping_issuer_id_achievement_key_skill_id")
        ),
    )
    with op.batch_alter_table("badge_mapping", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_badge_mapping_skill_id"), ["skill_id"], unique=False)

    op.create_table(
        "evidence_submission",
        sa.Column("id", _key(), nullable=False),
        sa.Column("person_id", _key(), nullable=False),
        sa.Column("skill_id", _key(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("issuer", sa.String(length=200), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("link", sa.String(length=400), nullable=False),
        sa.Column("attachment_id", _key(), nullable=True),
        sa.Column("badge_key", sa.String(length=400), nullable=False),
        sa.Column("doubts", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_id", _key(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event_id", _key(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("level BETWEEN 1 AND 5", name=op.f("ck_evidence_submission_level")),
        sa.ForeignKeyConstraint(
            ["attachment_id"], ["attachment.id"], name=op.f("fk_evidence_submission_attachment_id_attachment")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["person.id"], name=op.f("fk_evidence_submission_decided_by_id_person")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["skill_event.id"], name=op.f("fk_evidence_submission_event_id_skill_event")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_evidence_submission_person_id_person")),
        sa.ForeignKeyConstraint(["skill_id"], ["skill.id"], name=op.f("fk_evidence_submission_skill_id_skill")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_submission")),
    )
    with op.batch_alter_table("evidence_submission", schema=None) as batch_op:
        batch_op.create_index("ix_evidence_submission_state", ["state", "person_id"], unique=False)
        for column in ("person_id", "skill_id", "attachment_id", "badge_key", "event_id"):
            batch_op.create_index(batch_op.f(f"ix_evidence_submission_{column}"), [column], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("evidence_submission")
    op.drop_table("badge_mapping")
    op.drop_table("badge_issuer")
