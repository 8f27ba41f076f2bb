"""
How many minutes a week a lead needs for their inbox: items that came in lately times seconds an item, for 18 agents.

``python -m tests.load.lead_minutes`` reads the database of ``DATABASE_URL``, such as the demo's, changes nothing and
prints one JSON object.  The seconds of the machine come from ``tests/functional/test_effort.py``; what a person adds is
assumed, and each assumption is an option: two key presses and one decision by the keystroke-level model (Card, Moran
and Newell 1980, doi:10.1145/358886.358895), reading the evidence, typing a note for some, a talk for each dispute.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
from collections import Counter
from statistics import mean

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config import Config
from webapp.db import Database
from webapp.models import Person, Role, RoleGrant
from webapp.services import access, inbox
from webapp.services.access import Permission
from webapp.services.inbox import Occasion

AGENTS = 18
KEY_SECONDS = 0.28
DECISION_SECONDS = 1.35


def count_items(session: Session, on: dt.date, *, weeks: int) -> list[dict[str, float]]:
    """Return for each lead how many agents they have, what waits, and what came in lately per week and 18 agents."""
    leading = select(RoleGrant.person_id).where(RoleGrant.role == Role.LEAD, RoleGrant.team_id.is_not(None))
    counted = []
    for lead_id in session.scalars(leading.distinct().order_by(RoleGrant.person_id)):
        viewer = access.get_viewer(session, lead_id)
        led = viewer.sees(Permission.REVIEW_RECORDS)
        people = session.scalar(select(func.count()).select_from(Person).where(led, Person.active)) or 0
        waiting = inbox.review_order(session, viewer, on)
        fresh = Counter(line.occasion for line in waiting if line.waits_days(on) < 7 * weeks)
        if people:
            scale = AGENTS / people
            counted.append(
                {
                    "agents": people,
                    "waiting": len(waiting) * scale,
                    "items_a_week": sum(fresh.values()) / weeks * scale,
                    "disputes_a_week": fresh[Occasion.DISPUTE] / weeks * scale,
                }
            )
    return counted


def main() -> None:
    """Print the minutes and what they are made of."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--weeks", type=int, default=1, help="weeks in which an item counts as having come in lately")
    parser.add_argument("--machine", type=float, default=1.0, help="measured seconds an item of keyboard and page")
    parser.add_argument("--reading", type=float, default=30.0, help="seconds to read the evidence of an item")
    parser.add_argument("--noted", type=float, default=0.5, help="share of items with a note")
    parser.add_argument("--note", type=float, default=30.0, help="seconds to type a note")
    parser.add_argument("--talk", type=float, default=300.0, help="seconds of talk for a dispute")
    wanted = parser.parse_args()
    database = Database(Config.from_environment().database_url)
    with database.reading() as session:
        leads = count_items(session, dt.datetime.now(dt.UTC).date(), weeks=wanted.weeks)
    item_seconds = wanted.machine + 2 * KEY_SECONDS + DECISION_SECONDS + wanted.reading + wanted.noted * wanted.note

    def minutes(lead: dict[str, float]) -> float:
        return float(lead["items_a_week"] * item_seconds + lead["disputes_a_week"] * wanted.talk) / 60

    result = {
        "leads": len(leads),
        "agents_modelled": AGENTS,
        "item_seconds": round(item_seconds, 1),
        "items_a_week": round(mean(lead["items_a_week"] for lead in leads), 1),
        "disputes_a_week": round(mean(lead["disputes_a_week"] for lead in leads), 1),
        "minutes_a_week_mean": round(mean(map(minutes, leads)), 1),
        "minutes_a_week_most": round(max(map(minutes, leads)), 1),
        "minutes_once_for_what_waits": round(mean(lead["waiting"] for lead in leads) * item_seconds / 60),
    }
    print(json.dumps(result, indent=2))  # noqa: T201 - It is run for this line.


if __name__ == "__main__":
    main()
