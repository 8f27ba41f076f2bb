"""
Add live routing: settings, desks, presences, contacts, reservations and decisions.

Revision: 0023, after 0022.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "routing_setting",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("reservation_seconds", sa.Integer(), nullable=False),
        sa.Column("unanswered_limit", sa.Integer(), nullable=False),
        sa.Column("after_work_seconds", sa.Integer(), nullable=False),
        sa.Column("refresh_minutes", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by_id", _KEY, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("after_work_seconds BETWEEN 0 AND 3600", name=op.f("ck_routing_setting_after_work_seconds")),
        sa.CheckConstraint("refresh_minutes BETWEEN 15 AND 480", name=op.f("ck_routing_setting_refresh_minutes")),
        sa.CheckConstraint(
            "reservation_seconds BETWEEN 5 AND 300", name=op.f("ck_routing_setting_reservation_seconds")
        ),
        sa.CheckConstraint("unanswered_limit BETWEEN 1 AND 10", name=op.f("ck_routing_setting_unanswered_limit")),
        sa.ForeignKeyConstraint(["changed_by_id"], ["person.id"], name=op.f("fk_routing_setting_changed_by_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_routing_setting_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_setting")),
        sa.UniqueConstraint("site_id", name=op.f("uq_routing_setting_site_id")),
    )

    op.create_table(
        "routing_desk",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("plan_id", _KEY, nullable=True),
        sa.Column("built_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("priced", sa.Boolean(), nullable=False),
        sa.Column("resolved", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_routing_desk_plan_id_plan")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_routing_desk_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_desk")),
    )
    with op.batch_alter_table("routing_desk", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_routing_desk_plan_id"), ["plan_id"], unique=False)
        batch_op.create_index("ix_routing_desk_site_built", ["site_id", "built_at"], unique=False)

    op.create_table(
        "routing_floor",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("desk_id", _KEY, nullable=True),
        sa.ForeignKeyConstraint(["desk_id"], ["routing_desk.id"], name=op.f("fk_routing_floor_desk_id_routing_desk")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_routing_floor_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_floor")),
        sa.UniqueConstraint("site_id", name=op.f("uq_routing_floor_site_id")),
    )
    with op.batch_alter_table("routing_floor", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_routing_floor_desk_id"), ["desk_id"], unique=False)

    op.create_table(
        "agent_presence",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("load", sa.Double(), nullable=False),
        sa.Column("contacts", sa.JSON(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("idle_since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("unanswered", sa.Integer(), nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("load >= 0 AND load < 1.001", name=op.f("ck_agent_presence_load")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_agent_presence_person_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_agent_presence_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_presence")),
        sa.UniqueConstraint("person_id", name=op.f("uq_agent_presence_person_id")),
    )
    with op.batch_alter_table("agent_presence", schema=None) as batch_op:
        batch_op.create_index("ix_agent_presence_site_change", ["site_id", "change"], unique=False)
        batch_op.create_index(
            "ix_agent_presence_until",
            ["site_id", "until"],
            unique=False,
            sqlite_where=sa.text("until IS NOT NULL"),
            postgresql_where=sa.text("until IS NOT NULL"),
        )

    op.create_table(
        "routing_contact",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("external_id", sa.String(length=80), nullable=False),
        sa.Column("engagement_type_id", _KEY, nullable=False),
        sa.Column("customer_key", sa.String(length=80), nullable=False),
        sa.Column("known_ids", sa.JSON(), nullable=False),
        sa.Column("worth", sa.Double(), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("person_id", _KEY, nullable=True),
        sa.Column("actual_id", _KEY, nullable=True),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["actual_id"], ["person.id"], name=op.f("fk_routing_contact_actual_id_person")),
        sa.ForeignKeyConstraint(
            ["engagement_type_id"],
            ["engagement_type.id"],
            name=op.f("fk_routing_contact_engagement_type_id_engagement_type"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_routing_contact_person_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_routing_contact_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_contact")),
        sa.UniqueConstraint("site_id", "external_id", name=op.f("uq_routing_contact_site_id_external_id")),
    )
    with op.batch_alter_table("routing_contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_routing_contact_actual_id"), ["actual_id"], unique=False)
        batch_op.create_index("ix_routing_contact_arrived", ["site_id", "arrived_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_routing_contact_customer_key"), ["customer_key"], unique=False)
        batch_op.create_index(batch_op.f("ix_routing_contact_ended_at"), ["ended_at"], unique=False)
        batch_op.create_index(
            "ix_routing_contact_open",
            ["site_id", "id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(batch_op.f("ix_routing_contact_person_id"), ["person_id"], unique=False)
        batch_op.create_index(
            "ix_routing_contact_waiting",
            ["site_id", "engagement_type_id", "id"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "routing_reservation",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("contact_id", _KEY, nullable=False),
        sa.Column("person_id", _KEY, nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["routing_contact.id"],
            name=op.f("fk_routing_reservation_contact_id_routing_contact"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_routing_reservation_person_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_routing_reservation_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_reservation")),
    )
    with op.batch_alter_table("routing_reservation", schema=None) as batch_op:
        batch_op.create_index("ix_routing_reservation_contact", ["contact_id"], unique=False)
        batch_op.create_index(
            "ix_routing_reservation_expires",
            ["site_id", "expires_at"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
        batch_op.create_index(
            "ix_routing_reservation_held",
            ["contact_id"],
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'accepted')"),
            postgresql_where=sa.text("state IN ('open', 'accepted')"),
        )
        batch_op.create_index(
            "ix_routing_reservation_slot",
            ["person_id", "slot"],
            unique=True,
            sqlite_where=sa.text("state IN ('open', 'accepted')"),
            postgresql_where=sa.text("state IN ('open', 'accepted')"),
        )

    op.create_table(
        "routing_decision",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("site_id", _KEY, nullable=False),
        sa.Column("event_key", sa.String(length=120), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("mode", sa.String(length=40), nullable=False),
        sa.Column("trigger", sa.String(length=40), nullable=False),
        sa.Column("contact_id", _KEY, nullable=True),
        sa.Column("person_id", _KEY, nullable=True),
        sa.Column("reservation_id", _KEY, nullable=True),
        sa.Column("desk_id", _KEY, nullable=False),
        sa.Column("interval", sa.Integer(), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("fallback", sa.String(length=40), nullable=False),
        sa.Column("candidates", sa.Integer(), nullable=False),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("parts", sa.JSON(), nullable=True),
        sa.Column("runner_up_id", _KEY, nullable=True),
        sa.Column("runner_up_contact_id", sa.Integer(), nullable=True),
        sa.Column("runner_up_score", sa.Double(), nullable=True),
        sa.Column("runner_up_parts", sa.JSON(), nullable=True),
        sa.Column("snapshot", sa.LargeBinary(), nullable=False),
        sa.Column("microseconds", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["routing_contact.id"],
            name=op.f("fk_routing_decision_contact_id_routing_contact"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["desk_id"], ["routing_desk.id"], name=op.f("fk_routing_decision_desk_id_routing_desk")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_routing_decision_person_id_person")),
        sa.ForeignKeyConstraint(
            ["reservation_id"],
            ["routing_reservation.id"],
            name=op.f("fk_routing_decision_reservation_id_routing_reservation"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["runner_up_id"], ["person.id"], name=op.f("fk_routing_decision_runner_up_id_person")),
        sa.ForeignKeyConstraint(["site_id"], ["site.id"], name=op.f("fk_routing_decision_site_id_site")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_routing_decision")),
        sa.UniqueConstraint("site_id", "event_key", name=op.f("uq_routing_decision_site_id_event_key")),
    )
    with op.batch_alter_table("routing_decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_routing_decision_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_routing_decision_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_routing_decision_desk_id"), ["desk_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_routing_decision_person_id"), ["person_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_routing_decision_reservation_id"), ["reservation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_routing_decision_runner_up_id"), ["runner_up_id"], unique=False)
        batch_op.create_index("ix_routing_decision_site_at", ["site_id", "at"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    op.drop_table("routing_decision")
    op.drop_table("routing_reservation")
    op.drop_table("routing_contact")
    op.drop_table("agent_presence")
    op.drop_table("routing_floor")
    op.drop_table("routing_desk")
    op.drop_table("routing_setting")
