"""
Systems that work comes from and that are written to, without what opens them.

Secrets and credentials are no configuration, and neither is where a system stands: staging's helpdesk is not that of
production.  What is new begins switched off, and says what is still to be entered; what is there keeps its address,
its account, and whether it is on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from marshmallow import Schema, fields, validate
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from webapp.errors import ConflictError, InvalidInputError
from webapp.models import (
    Connection,
    ConnectionPreset,
    EventKind,
    IntakeMapping,
    IntakeSource,
    PersonKey,
    WebhookSubscription,
)
from webapp.services import audit, outbox, outgoing, webhooks
from webapp.services.configuration.document import Entry, located
from webapp.services.configuration.section import (
    Change,
    Section,
    Work,
    code_field,
    find_id,
    get_site,
    name_field,
    type_ids,
    words_field,
)
from webapp.services.connections import wanting
from webapp.services.connections.presets import PRESETS as SYSTEMS
from webapp.services.intake import mapping, sources
from webapp.services.intake.presets import PRESETS
from webapp.services.intake.signatures import STYLES
from webapp.services.intake.sources import SourceValues
from webapp.services.webhooks import SubscriptionDraft


class _AtSite(Section):
    """Things that a site has several of, by name; two of one name could not be told apart in a file."""

    what: ClassVar[str]

    def key(self, entry: Entry) -> str:
        """Return site and name."""
        return f"{entry['site']}/{entry['name']}"

    def _in_order(self, entries: list[Entry]) -> list[Entry]:
        counts = Counter(map(self.key, entries))
        twice = sorted(key for key, count in counts.items() if count > 1)
        if twice:
            raise ConflictError(f"Two {self.what} are called {twice[0]}; give one of them another name first.")
        return sorted(entries, key=self.key)


class _SourceSchema(Schema):
    site = code_field()
    name = name_field()
    preset = fields.String(required=True, validate=validate.OneOf(list(PRESETS)))
    signature = fields.String(required=True, validate=validate.OneOf(list(STYLES)))
    default_type = code_field()
    threshold = fields.Float(load_default=0.5)
    retention_days = fields.Integer(strict=True, load_default=30)
    mapping = fields.Dict(keys=fields.String(), required=True)


class IntakeSources(_AtSite):
    """The systems that work comes from, with the mapping that counts."""

    name: ClassVar[str] = "intake_sources"
    schema: ClassVar[Schema] = _SourceSchema()
    what: ClassVar[str] = "sources"

    def read(self, session: Session) -> list[Entry]:
        """Return the sources of all sites."""
        query = (
            select(IntakeSource, IntakeMapping.rules)
            .join(
                IntakeMapping,
                (IntakeMapping.source_id == IntakeSource.id) & (IntakeMapping.number == IntakeSource.mapping_number),
            )
            .options(joinedload(IntakeSource.site), joinedload(IntakeSource.default_type))
        )
        return self._in_order([_source_entry(source, rules) for source, rules in session.execute(query)])

    def normal(self, entry: Entry) -> Entry:
        """Return an entry with its mapping written out."""
        try:
            rules = mapping.to_json(mapping.from_json(entry["mapping"]))
        except InvalidInputError as error:
            raise InvalidInputError(str(error), field=f"mapping.{error.field}" if error.field else "mapping") from error
        return {**entry, "mapping": rules}

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Connect what is new, switched off; change the rest."""
        known = type_ids(work.session)
        for change in changes:
            with located(change.path):
                self._write(work, change, known)

    def _write(self, work: Work, change: Change, known: dict[str, int]) -> None:
        session, entry = work.session, change.after
        site = get_site(session, entry["site"])
        values: dict[str, Any] = {
            "name": entry["name"],
            "default_type_id": find_id(known, entry["default_type"], what="type", name="default_type"),
            "signature": entry["signature"],
            "threshold": entry["threshold"],
            "retention_days": entry["retention_days"],
        }
        if change.before is None:
            new = SourceValues(**values, active=False)
            source, _ = sources.create_source(
                session, site=site, preset=entry["preset"], values=new, box=work.box, by=work.by
            )
            work.notes.append(f"Intake {self.key(entry)} is off: give it the sender's secret, and switch it on.")
        else:
            if "preset" in change.fields:
                raise ConflictError("A source keeps the kind of system that it was made for; give the new one a name.")
            query = select(IntakeSource).where(IntakeSource.site_id == site.id, IntakeSource.name == entry["name"])
            source = session.scalars(query).one()
            if set(change.fields) - {"mapping"}:
                edited = SourceValues(**values, active=source.active)
                sources.update_source(session, source, edited, version=source.version, seen={}, by=work.by)
        self._save_mapping(work, source, entry["mapping"])

    def _save_mapping(self, work: Work, source: IntakeSource, wanted: dict[str, Any]) -> None:
        work.session.flush()
        if sources.get_mapping(work.session, source).rules != wanted:
            rules = mapping.from_json(wanted)
            sources.save_mapping(
                work.session, source, rules, based_on=source.mapping_number, note="From a configuration.", by=work.by
            )


def _source_entry(source: IntakeSource, rules: dict[str, Any]) -> Entry:
    return {
        "site": source.site.code,
        "name": source.name,
        "preset": source.preset,
        "signature": source.signature,
        "default_type": source.default_type.code,
        "threshold": source.threshold,
        "retention_days": source.retention_days,
        "mapping": rules,
    }


class _ConnectionSchema(Schema):
    site = code_field()
    name = name_field()
    preset = fields.Enum(ConnectionPreset, by_value=True, required=True)
    base_url = words_field()
    account = words_field()
    people_by = fields.Enum(PersonKey, by_value=True, load_default=PersonKey.EXTERNAL_ID)
    skill_ids = fields.Dict(keys=fields.String(), values=fields.String(), load_default=dict)
    writes_assignees = fields.Boolean(load_default=False)
    writes_levels = fields.Boolean(load_default=False)


class Connections(_AtSite):
    """The systems that are written to; which of their ids stands for which agent is people's data and stays out."""

    name: ClassVar[str] = "connections"
    schema: ClassVar[Schema] = _ConnectionSchema()
    kept: ClassVar[frozenset[str]] = frozenset({"base_url", "account"})
    what: ClassVar[str] = "connections"

    def read(self, session: Session) -> list[Entry]:
        """Return the connections of all sites."""
        found = session.scalars(select(Connection).options(joinedload(Connection.site)))
        return self._in_order([_connection_entry(each) for each in found])

    def normal(self, entry: Entry) -> Entry:
        """Return an entry with plain values."""
        return {
            **entry,
            "preset": ConnectionPreset(entry["preset"]).value,
            "people_by": PersonKey(entry["people_by"]).value,
            "skill_ids": dict(sorted(entry["skill_ids"].items())),
        }

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Add what is new, switched off and in shadow; change the rest."""
        for change in changes:
            with located(change.path):
                self._write(work, change)

    def _write(self, work: Work, change: Change) -> None:
        session, entry = work.session, change.after
        site, system = get_site(session, entry["site"]), SYSTEMS[ConnectionPreset(entry["preset"])]
        told = {"assignee": entry["writes_assignees"], "levels": entry["writes_levels"]}
        if not any(told.values()) or {name for name, on in told.items() if on} - {k.value for k in system.writes}:
            can = " and ".join(sorted(kind.value for kind in system.writes))
            raise InvalidInputError(f"{system.title} can be told {can}.", field="writes_assignees")
        if change.before is None:
            connection = self._new(work, entry, site_id=site.id)
        else:
            if "preset" in change.fields:
                raise ConflictError("A connection keeps its kind of system; give the new one another name.")
            query = select(Connection).where(Connection.site_id == site.id, Connection.name == entry["name"])
            connection = session.scalars(query).one()
        connection.people_by, connection.skill_ids = PersonKey(entry["people_by"]), dict(entry["skill_ids"])
        connection.writes_assignees, connection.writes_levels = told["assignee"], told["levels"]
        action = "add_connection" if change.before is None else "edit_connection"
        detail = {"preset": entry["preset"], "site_id": site.id, "changed": sorted(change.fields)}
        audit.record(session, action, connection, by=work.by, detail=detail)
        wanting.wake(session, connection, at=work.by.at)

    def _new(self, work: Work, entry: Entry, *, site_id: int) -> Connection:
        preset = ConnectionPreset(entry["preset"])
        url = outgoing.check_url(entry["base_url"], work.gate).rstrip("/") if SYSTEMS[preset].networked else ""
        connection = Connection(
            name=entry["name"],
            preset=preset,
            site_id=site_id,
            base_url=url,
            account=entry["account"],
            shadow=True,
            active=False,
            created_by_id=work.by.person_id,
            created_at=work.by.at,
        )
        work.session.add(connection)
        work.notes.append(f"Connection {self.key(entry)} is off: enter its credentials, and switch it on.")
        return connection


def _connection_entry(connection: Connection) -> Entry:
    return {
        "site": connection.site.code,
        "name": connection.name,
        "preset": connection.preset.value,
        "base_url": connection.base_url,
        "account": connection.account,
        "people_by": connection.people_by.value,
        "skill_ids": dict(sorted(connection.skill_ids.items())),
        "writes_assignees": connection.writes_assignees,
        "writes_levels": connection.writes_levels,
    }


class _WebhookSchema(Schema):
    site = fields.String(load_default=None, allow_none=True)
    name = name_field()
    url = fields.String(required=True, validate=validate.Length(1, 500))
    kinds = fields.List(fields.Enum(EventKind, by_value=True), required=True)


class Webhooks(_AtSite):
    """The addresses that are told of events; their secrets stay behind, and what is there keeps its address."""

    name: ClassVar[str] = "webhooks"
    schema: ClassVar[Schema] = _WebhookSchema()
    kept: ClassVar[frozenset[str]] = frozenset({"url"})
    what: ClassVar[str] = "webhooks"

    def key(self, entry: Entry) -> str:
        """Return site, if it is of one, and name."""
        return f"{entry['site'] or '*'}/{entry['name']}"

    def read(self, session: Session) -> list[Entry]:
        """Return all webhooks."""
        found = session.scalars(select(WebhookSubscription).options(joinedload(WebhookSubscription.site)))
        return self._in_order([_webhook_entry(each) for each in found])

    def normal(self, entry: Entry) -> Entry:
        """Return an entry with plain values."""
        return {**entry, "kinds": _kinds(entry["kinds"])}

    def write(self, work: Work, changes: Sequence[Change]) -> None:
        """Add what is new, switched off; change the rest."""
        for change in changes:
            with located(change.path):
                self._write(work, change)

    def _write(self, work: Work, change: Change) -> None:
        session, entry = work.session, change.after
        site_id = None if entry["site"] is None else get_site(session, entry["site"]).id
        kinds = [EventKind(kind) for kind in entry["kinds"]]
        draft = SubscriptionDraft(entry["name"], entry["url"], kinds, site_id=site_id, active=False)
        if change.before is None:
            webhooks.create_subscription(session, draft, gate=work.gate, box=work.box, by=work.by)
            work.notes.append(
                f"Webhook {self.key(entry)} is off: check its address, give it a new secret, and switch it on."
            )
            return
        query = select(WebhookSubscription).where(
            WebhookSubscription.name == entry["name"], WebhookSubscription.site_id.is_not_distinct_from(site_id)
        )
        subscription = session.scalars(query).one()
        webhooks.update_subscription(
            session, subscription, replace(draft, active=subscription.active), gate=work.gate, by=work.by
        )


def _kinds(kinds: Sequence[EventKind | str]) -> list[str]:
    wanted = {EventKind(kind) for kind in kinds}
    return [kind.value for kind in (*outbox.FOLLOWABLE, EventKind.TEST) if kind in wanted]


def _webhook_entry(subscription: WebhookSubscription) -> Entry:
    return {
        "site": subscription.site.code if subscription.site else None,
        "name": subscription.name,
        "url": subscription.url,
        "kinds": _kinds(subscription.kinds),
    }
