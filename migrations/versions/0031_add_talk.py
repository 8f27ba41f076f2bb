"""
Add threads on engagements, notes of huddles, and the address by which a person is called.

Revision: 0031, after 0030.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _key(of: str, column: str, table: str, *, cascade: bool = False) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column],
        [f"{table}.id"],
        name=op.f(f"fk_{of}_{column}_{table}"),
        ondelete="CASCADE" if cascade else None,
    )


def upgrade() -> None:
    """Apply the change."""
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.add_column(sa.Column("call_address", sa.String(length=200), nullable=False, server_default=""))
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.alter_column("call_address", server_default=None)
    op.create_table(
        "thread_message",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("engagement_id", _KEY, nullable=False),
        sa.Column("author_id", _KEY, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("text", sa.String(length=1000), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=False),
        _key("thread_message", "engagement_id", "engagement", cascade=True),
        _key("thread_message", "author_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread_message")),
        sa.UniqueConstraint("key", name=op.f("uq_thread_message_key")),
    )
    op.create_index("ix_thread_message_engagement_id_id", "thread_message", ["engagement_id", "id"])
    op.create_index(op.f("ix_thread_message_author_id"), "thread_message", ["author_id"])
    op.create_index(op.f("ix_thread_message_at"), "thread_message", ["at"])
    op.create_table(
        "thread_guest",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("message_id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        _key("thread_guest", "message_id", "thread_message", cascade=True),
        _key("thread_guest", "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread_guest")),
        sa.UniqueConstraint("message_id", "person_id", name=op.f("uq_thread_guest_message_id_person_id")),
    )
    op.create_index(op.f("ix_thread_guest_person_id"), "thread_guest", ["person_id"])
    op.create_table(
        "thread_read",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("engagement_id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("up_to", sa.Integer(), nullable=False),
        _key("thread_read", "engagement_id", "engagement", cascade=True),
        _key("thread_read", "person_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread_read")),
        sa.UniqueConstraint("engagement_id", "person_id", name=op.f("uq_thread_read_engagement_id_person_id")),
    )
    op.create_index(op.f("ix_thread_read_person_id"), "thread_read", ["person_id"])
    op.create_table(
        "huddle_note",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("team_id", _KEY, nullable=True),
        sa.Column("day_on", sa.Date(), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("owner_id", _KEY, nullable=False),
        sa.Column("author_id", _KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        _key("huddle_note", "site_id", "site"),
        _key("huddle_note", "team_id", "team"),
        _key("huddle_note", "owner_id", "person"),
        _key("huddle_note", "author_id", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_huddle_note")),
    )
    op.create_index("ix_huddle_note_site_day", "huddle_note", ["site_id", "day_on"])
    op.create_index(op.f("ix_huddle_note_owner_id"), "huddle_note", ["owner_id"])


def downgrade() -> None:
    """Take the change back."""
    for table in ("huddle_note", "thread_read", "thread_guest", "thread_message"):
        op.drop_table(table)
    with op.batch_alter_table("person", schema=None) as batch_op:
        batch_op.drop_column("call_address")
