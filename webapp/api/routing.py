"""Live routing: who serves the contact that arrived, whom the agent who is free serves, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import marshmallow as ma
from flask import jsonify

from webapp.errors import BusyError
from webapp.models import PresenceState, TokenScope
from webapp.services.access import Permission
from webapp.services.routing import events, floor_view, scoped
from webapp.services.routing.answers import Arrival, Outcome
from webapp.services.routing.events import Events
from webapp.web.guard import requires
from webapp.web.request import busy_if_unavailable, current_viewer, get_session, now
from webapp.web.rest.blueprint import ResourceBlueprint
from webapp.web.rest.fields import Code, Key, Text
from webapp.web.rest.problems import named

blueprint = ResourceBlueprint("routing", "Live contacts, who is present, and who serves whom now.")

_MOMENT = {"description": "With its offset from UTC."}


class RoutingArrivedContactSchema(ma.Schema):
    """A contact that arrived."""

    external_id = Code(
        required=True, metadata={"description": "Its id in the telephone system; sent twice, done once."}
    )
    type = Code(required=True, metadata={"description": "Code of its engagement type."})
    arrived_at = ma.fields.AwareDateTime(load_default=None, metadata=_MOMENT)
    customer_key = Text(80, load_default="", metadata={"description": "A key, never a name."})
    priority = ma.fields.Integer(load_default=None, strict=True, validate=ma.validate.Range(1, 5))
    known_agents = ma.fields.List(Code(), load_default=list, validate=ma.validate.Length(max=20))
    actual_agent = Code(
        load_default=None,
        metadata={"description": "Who took it already, where the telephone system decided: for sites in shadow."},
    )


class RoutingEventSchema(ma.Schema):
    """What happened: a contact arrived, or an agent is free."""

    event = ma.fields.String(required=True, validate=ma.validate.OneOf(["contact_arrived", "agent_free"]))
    site = Code(required=True, metadata={"description": "The site's code."})
    contact = ma.fields.Nested(RoutingArrivedContactSchema, metadata={"description": "With contact_arrived."})
    agent = Code(metadata={"description": "The agent's code, with agent_free."})
    event_id = Text(100, load_default=None, metadata={"description": "With agent_free: sent twice, done once."})

    @ma.validates_schema
    def _belongs(self, data: dict[str, Any], **_kwargs: Any) -> None:
        needed = "contact" if data["event"] == "contact_arrived" else "agent"
        if needed not in data:
            raise ma.ValidationError(f"This event needs {needed}.", needed)


class RoutingOfferSchema(ma.Schema):
    """A contact that was given to an agent; without a reservation it is advice, in shadow."""

    decision_id = Key(required=True)
    contact_id = Key(required=True)
    person_id = Key(required=True)
    reservation_id = Key(required=True, allow_none=True)
    expires_at = ma.fields.AwareDateTime(required=True, allow_none=True)


class RoutingAnswerSchema(ma.Schema):
    """What came of an event."""

    fallback = ma.fields.Boolean(
        required=True, metadata={"description": "True: the telephone system decides by its own rule."}
    )
    reason = ma.fields.String(required=True, metadata={"description": "Why it does: off, unknown_type or busy."})
    decision_id = Key(required=True, allow_none=True)
    contact_id = Key(required=True, allow_none=True)
    decision = ma.fields.Nested(
        RoutingOfferSchema, required=True, allow_none=True, metadata={"description": "Null while the contact waits."}
    )
    offers = ma.fields.List(
        ma.fields.Nested(RoutingOfferSchema),
        required=True,
        metadata={"description": "Everything that was given to agents, the contact of the event and others."},
    )
    withdrawn = ma.fields.List(Key(), required=True, metadata={"description": "Reservations that no longer hold."})


class RoutingEndSchema(ma.Schema):
    """How a contact ended."""

    after_work = ma.fields.Boolean(load_default=False)


class RoutingStartSchema(ma.Schema):
    """Who took a contact."""

    agent = Code(required=True)


class RoutingPresenceChangeSchema(ma.Schema):
    """What somebody is from now on; busy follows from their contacts."""

    state = ma.fields.String(required=True, validate=ma.validate.OneOf(["available", "after_work", "away"]))


class RoutingPresenceSchema(ma.Schema):
    """Where an agent stands."""

    person_id = Key(required=True)
    agent = Code(required=True, attribute="person.external_id")
    state = ma.fields.Enum(PresenceState, by_value=True, required=True)
    contacts = ma.fields.Dict(
        required=True, keys=ma.fields.String(), values=ma.fields.String(), metadata={"description": "Slot → channel."}
    )
    attention = ma.fields.Float(
        required=True, attribute="load", metadata={"description": "Share of the agent that their contacts take."}
    )
    since = ma.fields.AwareDateTime(required=True)


class RoutingSiteSchema(ma.Schema):
    """A site by its code."""

    site = Code(required=True)


class RoutingReservationSchema(ma.Schema):
    """A contact that waits for an agent's answer."""

    id = Key(required=True)
    contact_id = Key(required=True)
    contact = Code(required=True, attribute="contact.external_id")
    person_id = Key(required=True)
    agent = Code(required=True, attribute="person.external_id")
    expires_at = ma.fields.AwareDateTime(required=True)


class RoutingOpenReservationsSchema(ma.Schema):
    """The reservations of a site that wait for an answer."""

    items = ma.fields.List(ma.fields.Nested(RoutingReservationSchema), required=True)


class RoutingPresencesSchema(ma.Schema):
    """The agents of a site who were ever present."""

    items = ma.fields.List(ma.fields.Nested(RoutingPresenceSchema), required=True)


def _take_in(
    find_site: Callable[[], int],
    event: Callable[[Events], Outcome],
    *,
    agent: str | None = None,
    locked: bool = True,
) -> Any:
    """
    Answer an event; where routing is not able to, the telephone system is told to decide by itself.

    ``locked`` says that finding the site takes its lock. ``agent`` is the field of the body that names one, if there is
    one: who is not found is not found there.
    """
    try:
        # Whatever the database is asked here may have to wait for others.
        with busy_if_unavailable():
            site_id = find_site()
            with named(agent) if agent else nullcontext():
                outcome = events.take_in(get_session(), site_id, event, at=now(), locked=locked)
    except BusyError:
        response = jsonify(_answer(Outcome(fallback="busy")))
        response.status_code = 503
        response.headers["Retry-After"] = "1"
        return response
    return _answer(outcome)


def _site(code: str) -> Callable[[], int]:
    def find() -> int:
        with named("site"):
            return scoped.lock_site_of_code(get_session(), code, viewer=current_viewer())

    return find


def _site_of_contact(contact_id: int) -> Callable[[], int]:
    return lambda: scoped.lock_site_of_contact(get_session(), contact_id, viewer=current_viewer())


def _site_of_reservation(reservation_id: int) -> Callable[[], int]:
    return lambda: scoped.lock_site_of_reservation(get_session(), reservation_id, viewer=current_viewer())


def _site_of_agent(person_id: int) -> Callable[[], int]:
    permission = Permission.RUN_ROUTING
    return lambda: scoped.get_agent(get_session(), person_id, viewer=current_viewer(), permission=permission).site_id


def _answer(outcome: Outcome) -> dict[str, Any]:
    asked = next((offer for offer in outcome.offers if offer.decision_id == outcome.decision_id), None)
    return {
        "fallback": bool(outcome.fallback),
        "reason": outcome.fallback,
        "decision_id": outcome.decision_id,
        "contact_id": outcome.contact_id,
        "decision": asked,
        "offers": outcome.offers,
        "withdrawn": outcome.withdrawn,
    }


@blueprint.post("/routing/decisions")
@requires(Permission.RUN_ROUTING, scope=TokenScope.ROUTING_WRITE, hurried=True)
@blueprint.arguments(RoutingEventSchema)
@blueprint.response(200, RoutingAnswerSchema)
@blueprint.alt_response(  # type: ignore[untyped-decorator]
    503, schema=RoutingAnswerSchema, description="Use your own rule."
)
@blueprint.leads_to("accept_reservation", "decline_reservation", reservation_id="decision/reservation_id")
@blueprint.leads_to("start_contact", "end_contact", "abandon_contact", contact_id="contact_id")
def decide_routing(body: dict[str, Any]) -> Any:
    """Say who serves a contact that arrived, or whom an agent who is free serves."""
    site = _site(body["site"])
    if body["event"] == "agent_free":
        return _take_in(site, lambda events: events.free(body["agent"], key=body["event_id"]), agent="agent")
    said = body["contact"]
    arrival = Arrival(
        external_id=said["external_id"],
        type_code=said["type"],
        arrived_at=min(said["arrived_at"] or now(), now()),
        customer_key=said["customer_key"],
        priority=said["priority"],
        known=tuple(said["known_agents"]),
        actual=said["actual_agent"],
    )
    return _take_in(site, lambda events: events.arrive(arrival), agent="actual_agent")


@blueprint.post("/routing/sweeps")
@requires(Permission.RUN_ROUTING, scope=TokenScope.ROUTING_WRITE, hurried=True)
@blueprint.arguments(RoutingSiteSchema)
@blueprint.response(200, RoutingAnswerSchema)
@blueprint.leads_to("accept_reservation", "decline_reservation", reservation_id="offers/0/reservation_id")
def sweep_routing(body: dict[str, Any]) -> Any:
    """Move on what nobody answered in time, and offer what waits; ask once a second while nothing else happens."""
    return _take_in(_site(body["site"]), Events.tick)


@blueprint.get("/routing/reservations")
@requires(Permission.VIEW_ROUTING, scope=TokenScope.ROUTING_READ)
@blueprint.arguments(RoutingSiteSchema, location="query")
@blueprint.response(200, RoutingOpenReservationsSchema)
@blueprint.leads_to("accept_reservation", "decline_reservation", reservation_id="items/0/id")
@blueprint.leads_to("end_contact", "abandon_contact", contact_id="items/0/contact_id")
def list_open_reservations(arguments: dict[str, Any]) -> Any:
    """List the reservations of a site that wait for an answer."""
    session = get_session()
    site_id = scoped.get_site_id(
        session, arguments["site"], viewer=current_viewer(), permission=Permission.VIEW_ROUTING
    )
    return {"items": floor_view.list_open_reservations(session, site_id)}


@blueprint.post("/routing/reservations/<key:reservation_id>/accept")
@requires(Permission.RUN_ROUTING, scope=TokenScope.ROUTING_WRITE, hurried=True)
@blueprint.response(200, RoutingAnswerSchema)
@blueprint.leads_to("end_contact", contact_id="contact_id")
def accept_reservation(reservation_id: int) -> Any:
    """Say that the agent took the contact."""
    return _take_in(_site_of_reservation(reservation_id), lambda events: events.accept(reservation_id))


@blueprint.post("/routing/reservations/<key:reservation_id>/decline")
@requires(Permission.RUN_ROUTING, scope=TokenScope.ROUTING_WRITE, hurried=True)
@blueprint.response(200, RoutingAnswerSchema)
@blueprint.leads_to("accept_reservation", "decline_reservation", reservation_id="offers/0/reservation_id")
def decline_reservation(reservation_id: int) -> Any:
    """Say that the agent does not take the contact; it moves on to the next."""
    return _take_in(_site_of_reservation(reservation_id), lambda events: events.decline(reservation_id))


@blueprint.post("/routing/contacts/<key:contact_id>/start")
@requires(Permission.RUN_ROUTING, scope=TokenScope.ROUTING_WRITE, hurried=True)
@blueprint.arguments(RoutingStartSchema)
@blueprint.response(200, RoutingAnswerSchema)
@blueprint.leads_to("end_contact", contact_id="contact_id")
def start_contact(body: dict[str, Any], contact_id: int) -> Any:
    """Say who took a contact because the telephone system decided so."""
    return _take_in(_site_of_contact(contact_id), lambda events: events.start(contact_id, body["agent"]), agent="agent")


@blueprint.post("/routing/contacts/<key:contact_id>/end")
@requires(Permission.RUN_ROUTING, scope=TokenScope.ROUTING_WRITE, hurried=True)
@blueprint.arguments(RoutingEndSchema)
@blueprint.response(200, RoutingAnswerSchema)
@blueprint.leads_to("accept_reservation", "decline_reservation", reservation_id="offers/0/reservation_id")
def end_contact(body: dict[str, Any], contact_id: int) -> Any:
    """Say that a contact ended."""
    return _take_in(_site_of_contact(contact_id), lambda events: events.end(contact_id, after_work=body["after_work"]))


@blueprint.post("/routing/contacts/<key:contact_id>/abandon")
@requires(Permission.RUN_ROUTING, scope=TokenScope.ROUTING_WRITE, hurried=True)
@blueprint.response(200, RoutingAnswerSchema)
@blueprint.leads_to("accept_reservation", "decline_reservation", reservation_id="offers/0/reservation_id")
def abandon_contact(contact_id: int) -> Any:
    """Say that a customer gave up."""
    return _take_in(_site_of_contact(contact_id), lambda events: events.abandon(contact_id))


@blueprint.get("/routing/presence")
@requires(Permission.VIEW_ROUTING, scope=TokenScope.ROUTING_READ)
@blueprint.arguments(RoutingSiteSchema, location="query")
@blueprint.response(200, RoutingPresencesSchema)
@blueprint.leads_to("set_presence", person_id="items/0/person_id")
def list_presence(arguments: dict[str, Any]) -> Any:
    """List where the agents of a site stand."""
    session = get_session()
    site_id = scoped.get_site_id(
        session, arguments["site"], viewer=current_viewer(), permission=Permission.VIEW_ROUTING
    )
    return {"items": floor_view.list_presences(session, site_id)}


@blueprint.put("/routing/presence/<key:person_id>")
@requires(Permission.RUN_ROUTING, scope=TokenScope.ROUTING_WRITE, hurried=True)
@blueprint.arguments(RoutingPresenceChangeSchema)
@blueprint.response(200, RoutingAnswerSchema)
@blueprint.leads_to("accept_reservation", "decline_reservation", reservation_id="offers/0/reservation_id")
def set_presence(body: dict[str, Any], person_id: int) -> Any:
    """Say that an agent is available, has after-work or is away."""
    state = PresenceState(body["state"])
    return _take_in(_site_of_agent(person_id), lambda events: events.set_presence(person_id, state), locked=False)
