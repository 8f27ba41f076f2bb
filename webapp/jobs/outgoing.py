"""The jobs that send: events to webhooks, assignees and levels to other systems."""

from __future__ import annotations

import random

from webapp.jobs.registry import JobContext, job
from webapp.models import Connection
from webapp.services import deliveries, outbox
from webapp.services.connections import exchange, wanting
from webapp.services.outgoing import Gate
from webapp.services.secrets import SecretBox

_chance = random.SystemRandom().random


def _means(context: JobContext) -> tuple[Gate, SecretBox]:
    gate, box = context.options.get("gate", Gate()), context.options["secrets"]
    assert isinstance(gate, Gate)  # noqa: S101 - the wiring's own mistake, not a user's
    assert isinstance(box, SecretBox)  # noqa: S101 - likewise
    return gate, box


@job(outbox.DELIVER_JOB)
def deliver(context: JobContext) -> None:
    """Make deliveries of new events and send what is due, each in its own transactions; then wake again when needed."""
    gate, box = _means(context)
    sent = 0
    while not context.should_cancel():
        with context.database.transaction() as session:
            events = deliveries.fan_out(session, at=context.clock())
            claimed = deliveries.claim(session, box=box, at=context.clock())
        if not events and not claimed:
            break
        for each in claimed:
            outcome = deliveries.send(each, gate=gate, at=context.clock())
            with context.database.transaction() as session:
                deliveries.note(session, each.delivery_id, each.attempt, outcome, chance=_chance(), at=context.clock())
            sent += 1
            # What was taken and not yet sent is due again by itself, should this worker stop here.
            context.report(0.5, {"rows": sent})
    if context.lost.is_set():
        return
    with context.database.transaction() as session:
        deliveries.prune(session, at=context.clock())
        due = deliveries.next_due(session)
        if due is not None:
            outbox.wake(session, at=context.clock(), not_before=max(due, context.clock()))
        context.complete(session, {"rows": sent})


@job(outbox.WRITE_JOB)
def write(context: JobContext) -> None:
    """Write to one other system what it does not say yet, each request noted before the next."""
    gate, box = _means(context)
    connection_id = int(context.payload["connection_id"])
    written = 0
    while not context.should_cancel():
        with context.database.transaction() as session:
            batch = exchange.claim(session, connection_id, box=box, at=context.clock())
        if batch is None:
            break
        outcomes = exchange.send(batch, gate=gate)
        with context.database.transaction() as session:
            written += exchange.note(session, batch, outcomes, chance=_chance(), at=context.clock())
        context.report(0.5, {"rows": written})
    if context.lost.is_set():
        return
    with context.database.transaction() as session:
        due, connection = wanting.next_due(session, connection_id), session.get(Connection, connection_id)
        if due is not None and connection is not None:
            wanting.wake(session, connection, at=context.clock(), not_before=max(due, context.clock()))
        context.complete(session, {"rows": written})
