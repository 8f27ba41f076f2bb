"""Scenarios, simulations and swaps."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload

from webapp.models import Person, Plan, Scenario, Simulation, Swap, SwapState
from webapp.services.access import Permission, Viewer
from webapp.services.listing.directory import of_site, where_equal
from webapp.services.listing.keyset import Page, PageRequest, read_page

SCENARIO_ORDERS = {"id": Scenario.id, "day_on": Scenario.day_on, "created_at": Scenario.created_at}
SIMULATION_ORDERS = {"id": Simulation.id, "day_on": Simulation.day_on, "created_at": Simulation.created_at}
SWAP_ORDERS = {"id": Swap.id, "proposed_at": Swap.proposed_at}


@dataclass(frozen=True, slots=True)
class DayFilter:
    """What a list of things of a site's day is narrowed to."""

    site_id: int | None = None
    site: str | None = None
    day_on: dt.date | None = None


def list_scenarios(session: Session, *, viewer: Viewer, chosen: DayFilter, wanted: PageRequest) -> Page[Scenario]:
    """Return a page of the scenarios of the viewer's sites that were not put away."""
    query = (
        select(Scenario)
        .join(Scenario.site)
        .where(viewer.sees_site(Permission.VIEW_PLANS), Scenario.removed_at.is_(None))
        .options(contains_eager(Scenario.site), joinedload(Scenario.job))
    )
    query = where_equal(query, {Scenario.site_id: chosen.site_id, Scenario.day_on: chosen.day_on})
    query = of_site(query, Scenario.site_id, chosen.site)
    return read_page(session, query, wanted=wanted, columns=SCENARIO_ORDERS, key=Scenario.id)


def list_simulations(session: Session, *, viewer: Viewer, chosen: DayFilter, wanted: PageRequest) -> Page[Simulation]:
    """Return a page of the simulations of the viewer's sites."""
    query = (
        select(Simulation)
        .join(Simulation.site)
        .where(viewer.sees_site(Permission.VIEW_PLANS))
        .options(contains_eager(Simulation.site), joinedload(Simulation.job))
    )
    query = where_equal(query, {Simulation.site_id: chosen.site_id, Simulation.day_on: chosen.day_on})
    query = of_site(query, Simulation.site_id, chosen.site)
    return read_page(session, query, wanted=wanted, columns=SIMULATION_ORDERS, key=Simulation.id)


def list_own_swaps(
    session: Session, person: Person, *, state: SwapState | None = None, wanted: PageRequest
) -> Page[Swap]:
    """Return a page of the swaps that a person proposed or was asked for."""
    query = select(Swap).where(or_(Swap.proposer_id == person.id, Swap.other_id == person.id))
    query = where_equal(query, {Swap.state: state})
    return read_page(session, query, wanted=wanted, columns=SWAP_ORDERS, key=Swap.id)


def list_swaps_of_plan(
    session: Session, plan: Plan, *, state: SwapState | None = None, wanted: PageRequest
) -> Page[Swap]:
    """Return a page of the swaps of a plan."""
    query = where_equal(select(Swap).where(Swap.plan_id == plan.id), {Swap.state: state})
    return read_page(session, query, wanted=wanted, columns=SWAP_ORDERS, key=Swap.id)
