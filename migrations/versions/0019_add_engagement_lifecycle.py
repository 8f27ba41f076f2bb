"""
Give engagements a longer life: more states, and a history of them.

Revision: 0019, after 0018. What was ``open`` is ``classified`` from now on; on the way back, states that the old code
does not know become the nearest that it does.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_NEAREST = {
    "received": "open",
    "classified": "open",
    "offered": "planned",
    "in_progress": "accepted",
    "expired": "cancelled",
}


def upgrade() -> None:
    """Apply the change."""
    op.execute("UPDATE engagement SET state = 'classified' WHERE state = 'open'")
    op.create_table(
        "engagement_event",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("engagement_id", _KEY, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("before", sa.String(length=40), nullable=True),
        sa.Column("after", sa.String(length=40), nullable=False),
        sa.Column("actor_id", _KEY, nullable=True),
        sa.Column("channel", sa.String(length=20), nullable=False),
        sa.Column("owner_id", _KEY, nullable=True),
        sa.ForeignKeyConstraint(
            ["engagement_id"],
            ["engagement.id"],
            name=op.f("fk_engagement_event_engagement_id_engagement"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["person.id"], name=op.f("fk_engagement_event_actor_id_person")),
        sa.ForeignKeyConstraint(["owner_id"], ["person.id"], name=op.f("fk_engagement_event_owner_id_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engagement_event")),
    )
    with op.batch_alter_table("engagement_event", schema=None) as batch_op:
        batch_op.create_index("ix_engagement_event_engagement_at", ["engagement_id", "at"], unique=False)


def downgrade() -> None:
    """Take the change back; the history of states goes."""
    op.drop_table("engagement_event")
    for state, nearest in _NEAREST.items():
        op.execute(
            sa.text("UPDATE engagement SET state = :nearest WHERE state = :state").bindparams(
                nearest=nearest, state=state
            )
        )
