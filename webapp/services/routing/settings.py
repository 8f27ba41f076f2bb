"""Whether and how a site routes: off, in shadow, or live."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.errors import InvalidInputError
from webapp.models import (
    AgentPresence,
    PresenceState,
    ReservationState,
    RoutingContact,
    RoutingContactState,
    RoutingFloor,
    RoutingMode,
    RoutingReservation,
    RoutingSetting,
    Site,
)
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.versions import require_version

LIMITS = {
    "reservation_seconds": (5, 300),
    "unanswered_limit": (1, 10),
    "after_work_seconds": (0, 3600),
    "refresh_minutes": (15, 480),
}
"""Least and most of each figure."""

_HOLDING = (ReservationState.OPEN, ReservationState.ACCEPTED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person set."""

    mode: RoutingMode
    reservation_seconds: int = 20
    unanswered_limit: int = 2
    after_work_seconds: int = 0
    refresh_minutes: int = 30


def find_setting(session: Session, site_id: int) -> RoutingSetting | None:
    """Return the setting of a site, or None while nobody has set anything: then routing is off."""
    return session.scalar(select(RoutingSetting).where(RoutingSetting.site_id == site_id))


def describe(setting: RoutingSetting) -> dict[str, str]:
    """Return a setting in words, label → value, for people who edit it at the same time."""
    return {
        "Routing": setting.mode.value,
        "Seconds to answer": str(setting.reservation_seconds),
        "Unanswered until away": str(setting.unanswered_limit),
        "After-work, seconds": str(setting.after_work_seconds),
        "New prices every, minutes": str(setting.refresh_minutes),
    }


def list_routed_sites(session: Session) -> list[Site]:
    """Return the sites that route, be it in shadow, by id."""
    query = select(Site).join(RoutingSetting, RoutingSetting.site_id == Site.id)
    return list(session.scalars(query.where(RoutingSetting.mode != RoutingMode.OFF).order_by(Site.id)))


def change_setting(
    session: Session,
    site: Site,
    wanted: Wanted,
    *,
    version: int | None = None,
    seen: Mapping[str, str] | None = None,
    by: Actor,
) -> RoutingSetting:
    """
    Set how a site routes.

    Parameters
    ----------
    version, seen
        Of the setting as an editor saw it; without a version whatever is there is changed.

    Raises
    ------
    ConflictError
        If somebody changed it since ``version``.
    InvalidInputError
        If a figure is out of its limits.
    """
    for field, (least, most) in LIMITS.items():
        if not least <= getattr(wanted, field) <= most:
            raise InvalidInputError(f"Use a number from {least} to {most}.", field=field)
    setting = find_setting(session, site.id)
    if setting is None:
        setting = RoutingSetting(site_id=site.id, changed_at=by.at)
        session.add(setting)
    elif version is not None:
        require_version(setting, version, seen=seen or {}, present=describe(setting))
    fields = ("mode", *LIMITS)
    before = {field: getattr(setting, field) for field in fields}
    for field in fields:
        setattr(setting, field, getattr(wanted, field))
    setting.changed_at, setting.changed_by_id = by.at, by.person_id
    ensure_floor(session, site.id)
    session.flush()
    if before["mode"] not in {None, RoutingMode.OFF} and wanted.mode is RoutingMode.OFF:
        clear_floor(session, site.id, at=by.at)
    detail = {
        field: [before[field], getattr(setting, field)] for field in fields if before[field] != getattr(setting, field)
    }
    audit.record(session, "change_routing", setting, by=by, detail={"site_id": site.id, "changes": detail})
    return setting


def ensure_floor(session: Session, site_id: int) -> RoutingFloor:
    """Return the row under whose lock a site decides, and add it if there is none."""
    floor = session.scalar(select(RoutingFloor).where(RoutingFloor.site_id == site_id))
    if floor is None:
        floor = RoutingFloor(site_id=site_id, epoch=str(uuid.uuid4()), changes=0)
        session.add(floor)
        session.flush()
    return floor


def clear_floor(session: Session, site_id: int, *, at: dt.datetime) -> None:
    """End everything that a site routes: nobody is present, nothing is reserved, no contact waits."""
    session.execute(
        update(RoutingReservation)
        .where(RoutingReservation.site_id == site_id, RoutingReservation.state.in_(_HOLDING))
        .values(state=ReservationState.WITHDRAWN, answered_at=at)
    )
    session.execute(
        update(RoutingContact)
        .where(RoutingContact.site_id == site_id, RoutingContact.ended_at.is_(None))
        .values(state=RoutingContactState.ENDED, ended_at=at)
    )
    away = {"state": PresenceState.AWAY, "load": 0.0, "contacts": {}, "until": None, "unanswered": 0, "since": at}
    session.execute(
        update(AgentPresence)
        .where(AgentPresence.site_id == site_id)
        .values(away | {"version": AgentPresence.version + 1})
    )
    # Processes know presences by their numbers; with another epoch they read all of them again.
    session.execute(update(RoutingFloor).where(RoutingFloor.site_id == site_id).values(epoch=str(uuid.uuid4())))
