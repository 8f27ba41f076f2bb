"""Where a run begins: the published plan of the same day, if there is one over the same intervals."""

from __future__ import annotations

import datetime as dt

from sqlalchemy.orm import Session

from optimizer.plan import Plan as Answer
from webapp.services.planning import store
from webapp.services.planning.day import find_live_plan
from webapp.services.planning.horizon import Horizon


def find_earlier(session: Session, site_id: int, day_on: dt.date, *, horizon: Horizon) -> Answer | None:
    """Return the published plan of a site's day in the optimizer's form, or None; over other intervals it says little.

    It decides how soon a run finds a good plan, never which plans are allowed.
    """
    live = find_live_plan(session, site_id, day_on)
    if live is None or store.horizon_of(live.run) != horizon:
        return None
    return store.load_plan(session, live).answer
