"""
Extend jobs: parts and whom they wait for, when to try again, workers as last seen, files that jobs write.

Revision: 0020, after 0019.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.add_column(sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("parent_id", _key(), nullable=True))
        batch_op.add_column(sa.Column("open_parts", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index(batch_op.f("ix_job_parent_id"), ["parent_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_job_parent_id_job"), "job", ["parent_id"], ["id"])
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.alter_column("open_parts", server_default=None)

    op.create_table(
        "job_worker",
        sa.Column("id", _key(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("executor", sa.String(length=20), nullable=False),
        sa.Column("concurrency", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_worker")),
        sa.UniqueConstraint("name", name=op.f("uq_job_worker_name")),
    )
    op.create_table(
        "export_file",
        sa.Column("id", _key(), nullable=False),
        sa.Column("job_id", _key(), nullable=False),
        sa.Column("person_id", _key(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("form", sa.String(length=10), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("link_digest", sa.String(length=64), nullable=True),
        sa.Column("link_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("downloaded_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_export_file_job_id_job")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_export_file_person_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_file")),
        sa.UniqueConstraint("job_id", name=op.f("uq_export_file_job_id")),
        sa.UniqueConstraint("link_digest", name=op.f("uq_export_file_link_digest")),
    )
    with op.batch_alter_table("export_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_export_file_person_id"), ["person_id"], unique=False)

    op.create_table(
        "plan_part",
        sa.Column("id", _key(), nullable=False),
        sa.Column("run_id", _key(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("job_id", _key(), nullable=True),
        sa.Column("agents", sa.Integer(), nullable=False),
        sa.Column("engagements", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=30), nullable=True),
        sa.Column("objective", sa.Double(), nullable=True),
        sa.Column("bound", sa.Double(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("answer", sa.JSON(none_as_null=True), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["plan_run.id"], name=op.f("fk_plan_part_run_id_plan_run")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_plan_part_job_id_job")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_part")),
        sa.UniqueConstraint("run_id", "number", name=op.f("uq_plan_part_run_id_number")),
    )


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("plan_part")
    op.drop_table("export_file")
    op.drop_table("job_worker")
    # A version before this one knows neither of these states.
    op.execute("UPDATE job SET state = 'queued' WHERE state = 'waiting'")
    op.execute("UPDATE job SET state = 'dead' WHERE state = 'discarded'")
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_job_parent_id_job"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_job_parent_id"))
        batch_op.drop_column("open_parts")
        batch_op.drop_column("parent_id")
        batch_op.drop_column("not_before")
