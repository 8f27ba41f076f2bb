"""
Mappings to begin with, for payloads of well-known systems, from their public documentation; samples are invented.

- Zendesk ticket events: developer.zendesk.com/api-reference/webhooks/event-types/ticket-events
- Intercom conversations: developers.intercom.com/docs/references/webhooks/webhook-models
- Amazon Connect contact events: docs.aws.amazon.com/connect/latest/adminguide/contact-events.html; EventBridge does not
  sign, so a function of a few lines in between signs in Mainstay's style (docs/intake.md).
- Meta page feed: developers.facebook.com/docs/pages-api/webhooks-for-pages
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from typing import Any

from webapp.models import IntakeKind
from webapp.services.intake.mapping import Condition, FieldRule, Mapping


@dataclass(frozen=True, slots=True)
class Preset:
    """A well-known sender: how it signs, how its payloads are read, and an invented one to try it on."""

    title: str
    kind: IntakeKind
    signature: str
    mapping: Mapping
    sample: MappingOf[str, Any]


_PLAIN = Preset(
    "Plain JSON, signed by Mainstay's own header",
    IntakeKind.HELPDESK,
    "mainstay",
    Mapping(
        event_id=("/event_id",),
        fields={
            "external_id": FieldRule(at=("/id",)),
            "sequence": FieldRule(at=("/updated_at",), how="iso"),
            "opened_at": FieldRule(at=("/created_at",), how="iso"),
            "due_at": FieldRule(at=("/due_at",), how="iso"),
            "status": FieldRule(
                at=("/status",), how="lower", lookup={"open": "open", "done": "done", "cancelled": "cancelled"}
            ),
            "priority": FieldRule(at=("/priority",), how="number"),
            "type": FieldRule(at=("/type",)),
            "customer_key": FieldRule(at=("/customer",)),
            "subject": FieldRule(at=("/subject",)),
            "text": FieldRule(at=("/text",)),
            "channel": FieldRule(at=("/channel",), how="lower"),
            "queue": FieldRule(at=("/queue", "/tags")),
            "person": FieldRule(at=("/owner",)),
        },
    ),
    {
        "event_id": "evt-1",
        "id": "case-77120",
        "created_at": "2026-11-23T08:00:00Z",
        "updated_at": "2026-11-23T08:00:00Z",
        "status": "open",
        "priority": 3,
        "customer": "c-20881",
        "subject": "Refund not received",
        "text": "My refund of last week has not arrived yet.",
        "channel": "email",
    },
)

_CONTACTS = Preset(
    "Plain contact events, signed by Mainstay's own header",
    IntakeKind.ACD,
    "mainstay",
    Mapping(
        event_id=("/event_id",),
        fields={
            "external_id": FieldRule(at=("/contact",)),
            "at": FieldRule(at=("/at",), how="iso"),
            "opened_at": FieldRule(at=("/arrived_at",), how="iso"),
            "served_at": FieldRule(at=("/answered_at",), how="iso"),
            "ended_at": FieldRule(at=("/ended_at",), how="iso"),
            "type": FieldRule(at=("/type",)),
            "customer_key": FieldRule(at=("/customer",)),
            "channel": FieldRule(at=("/channel",), how="lower"),
            "queue": FieldRule(at=("/queue",)),
            "person": FieldRule(at=("/agent",)),
        },
    ),
    {
        "event_id": "call-8812/answered",
        "contact": "call-8812",
        "at": "2026-11-23T09:14:31Z",
        "arrived_at": "2026-11-23T09:14:02Z",
        "answered_at": "2026-11-23T09:14:31Z",
        "type": "billing-hotline",
        "customer": "k-77",
        "agent": "p-104",
    },
)

_ZENDESK = Preset(
    "Zendesk ticket events",
    IntakeKind.HELPDESK,
    "zendesk",
    Mapping(
        event_id=("/id",),
        when=(Condition("/type", ("zen:event-type:ticket.*",)),),
        fields={
            "external_id": FieldRule(at=("/detail/id",), prefix="ZD-"),
            "sequence": FieldRule(at=("/detail/updated_at", "/time"), how="iso"),
            "at": FieldRule(at=("/time",), how="iso"),
            "opened_at": FieldRule(at=("/detail/created_at",), how="iso"),
            "status": FieldRule(
                at=("/detail/status",),
                how="lower",
                lookup={
                    "new": "open",
                    "open": "open",
                    "pending": "open",
                    "hold": "open",
                    "solved": "done",
                    "closed": "done",
                    "deleted": "cancelled",
                },
            ),
            "priority": FieldRule(
                at=("/detail/priority",), how="lower", lookup={"low": "2", "normal": "3", "high": "4", "urgent": "5"}
            ),
            "customer_key": FieldRule(at=("/detail/requester_id",)),
            "subject": FieldRule(at=("/detail/subject",)),
            "text": FieldRule(at=("/detail/description", "/event/comment/body"), how="plain"),
            "channel": FieldRule(at=("/detail/via/channel",), how="lower"),
            "queue": FieldRule(at=("/detail/tags", "/detail/group_id")),
            "person": FieldRule(at=("/detail/assignee_id",)),
        },
    ),
    {
        "type": "zen:event-type:ticket.created",
        "account_id": 4401,
        "id": "6f1d2c1e-0f3b-4a57-9d4e-2f6d6a1b7c01",
        "time": "2026-11-23T08:12:04Z",
        "zendesk_event_version": "2022-06-20",
        "subject": "zen:ticket:3107",
        "detail": {
            "actor_id": "88",
            "assignee_id": None,
            "brand_id": "7",
            "created_at": "2026-11-23T08:12:03Z",
            "description": "The parcel never came, please send my money back.",
            "id": "3107",
            "priority": "HIGH",
            "requester_id": "520431",
            "status": "NEW",
            "subject": "Parcel lost",
            "tags": ["delivery"],
            "updated_at": "2026-11-23T08:12:03Z",
            "via": {"channel": "email"},
        },
        "event": {},
    },
)

_INTERCOM = Preset(
    "Intercom conversations",
    IntakeKind.HELPDESK,
    "hub-sha1",
    Mapping(
        event_id=("/id",),
        when=(Condition("/topic", ("conversation.*",)),),
        fields={
            "external_id": FieldRule(at=("/data/item/id",), prefix="IC-"),
            "sequence": FieldRule(at=("/data/item/updated_at", "/created_at"), how="unix"),
            "at": FieldRule(at=("/created_at",), how="unix"),
            "opened_at": FieldRule(at=("/data/item/created_at",), how="unix"),
            "status": FieldRule(
                at=("/data/item/state",),
                how="lower",
                lookup={"open": "open", "snoozed": "open", "closed": "done"},
            ),
            "priority": FieldRule(
                at=("/data/item/priority",), how="lower", lookup={"priority": "5", "not_priority": "3"}
            ),
            "customer_key": FieldRule(at=("/data/item/source/author/id", "/data/item/contacts/contacts/0/id")),
            "subject": FieldRule(at=("/data/item/title", "/data/item/source/subject"), how="plain"),
            "text": FieldRule(at=("/data/item/source/body",), how="plain"),
            "channel": FieldRule(at=("/data/item/source/type",), how="lower"),
            "queue": FieldRule(at=("/data/item/team_assignee_id",)),
            "person": FieldRule(at=("/data/item/admin_assignee_id",)),
        },
    ),
    {
        "type": "notification_event",
        "app_id": "tw1",
        "id": "notif_9a0c1f",
        "topic": "conversation.user.created",
        "created_at": 1795421524,
        "delivery_attempts": 1,
        "data": {
            "type": "notification_event_data",
            "item": {
                "type": "conversation",
                "id": "410",
                "created_at": 1795421520,
                "updated_at": 1795421524,
                "state": "open",
                "open": True,
                "priority": "not_priority",
                "admin_assignee_id": None,
                "source": {
                    "type": "conversation",
                    "subject": "",
                    "body": "<p>How do I change my plan?</p>",
                    "author": {"type": "user", "id": "ct-77"},
                },
            },
        },
    },
)

_CONNECT = Preset(
    "Amazon Connect contact events",
    IntakeKind.ACD,
    "mainstay",
    Mapping(
        event_id=("/id",),
        when=(Condition("/detail-type", ("Amazon Connect Contact Event",)),),
        fields={
            "external_id": FieldRule(at=("/detail/contactId",), prefix="AC-"),
            "at": FieldRule(at=("/detail/updateTimestamp", "/time"), how="iso"),
            "opened_at": FieldRule(at=("/detail/initiationTimestamp",), how="iso"),
            "served_at": FieldRule(at=("/detail/agentInfo/connectedToAgentTimestamp",), how="iso"),
            "ended_at": FieldRule(at=("/detail/disconnectTimestamp",), how="iso"),
            "customer_key": FieldRule(at=("/detail/customerId",)),
            "channel": FieldRule(at=("/detail/channel",), how="lower"),
            "queue": FieldRule(at=("/detail/queueInfo/queueArn",), how="last"),
            "person": FieldRule(at=("/detail/agentInfo/agentArn",), how="last"),
        },
    ),
    {
        "version": "0",
        "id": "2f3a9c64-5d0e-4a1b-8d52-0c1f6a7b8c9d",
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "account": "111122223333",
        "time": "2026-11-23T08:31:10Z",
        "region": "eu-west-2",
        "resources": [],
        "detail": {
            "contactId": "b0a1f2e3-1111-4222-8333-944455556666",
            "channel": "VOICE",
            "instanceArn": "arn:aws:connect:eu-west-2:111122223333:instance/in-1",
            "initiationMethod": "INBOUND",
            "eventType": "DISCONNECTED",
            "initiationTimestamp": "2026-11-23T08:24:00Z",
            "disconnectTimestamp": "2026-11-23T08:31:09Z",
            "queueInfo": {
                "queueType": "STANDARD",
                "queueArn": "arn:aws:connect:eu-west-2:111122223333:instance/in-1/queue/billing",
                "enqueueTimestamp": "2026-11-23T08:24:20Z",
            },
            "agentInfo": {
                "agentArn": "arn:aws:connect:eu-west-2:111122223333:instance/in-1/agent/p1001",
                "connectedToAgentTimestamp": "2026-11-23T08:25:02Z",
            },
        },
    },
)

_META = Preset(
    "Meta page: posts and comments",
    IntakeKind.SOCIAL,
    "hub-sha256",
    Mapping(
        each="/entry/*/changes/*",
        event_id=(
            "/entry/changes/value/comment_id",
            "/entry/changes/value/verb",
            "/entry/time",
        ),
        when=(
            Condition("/entry/changes/field", ("feed",)),
            Condition("/entry/changes/value/item", ("comment", "post", "status")),
        ),
        fields={
            "external_id": FieldRule(
                at=("/entry/changes/value/comment_id", "/entry/changes/value/post_id"), prefix="FB-"
            ),
            "sequence": FieldRule(at=("/entry/time",), how="number"),
            "at": FieldRule(at=("/entry/time",), how="unix"),
            "opened_at": FieldRule(at=("/entry/changes/value/created_time",), how="unix"),
            "status": FieldRule(
                at=("/entry/changes/value/verb",),
                how="lower",
                lookup={"add": "open", "edited": "open", "unhide": "open", "hide": "cancelled", "remove": "cancelled"},
            ),
            "customer_key": FieldRule(at=("/entry/changes/value/from/id",)),
            "text": FieldRule(at=("/entry/changes/value/message",)),
            "channel": FieldRule(default="social"),
            "queue": FieldRule(at=("/entry/changes/value/item",)),
        },
    ),
    {
        "object": "page",
        "entry": [
            {
                "id": "9001",
                "time": 1795421600,
                "changes": [
                    {
                        "field": "feed",
                        "value": {
                            "item": "comment",
                            "verb": "add",
                            "comment_id": "9001_1",
                            "post_id": "9001_0",
                            "created_time": 1795421590,
                            "from": {"id": "u-31", "name": "Somebody"},
                            "message": "Where is my order?",
                        },
                    }
                ],
            }
        ],
    },
)

PRESETS: MappingOf[str, Preset] = {
    "plain": _PLAIN,
    "contacts": _CONTACTS,
    "zendesk": _ZENDESK,
    "intercom": _INTERCOM,
    "amazon-connect": _CONNECT,
    "meta-page": _META,
}
"""Code → preset."""
