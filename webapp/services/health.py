"""Whether an installation can answer: its database, its schema, and whether anybody runs jobs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from webapp import schema
from webapp.db import Database
from webapp.errors import SchemaVersionError
from webapp.services import job_workers

OK = "ok"


@dataclass(frozen=True, slots=True)
class Health:
    """
    What was found of each part: ``ok``, or a sentence without names and addresses; None where it cannot be known.

    Pages are answered without workers, so that ``jobs`` warns and does not make an installation unready: a balancer
    that took every server away because no worker lives would make one fault two.
    """

    database: str
    schema: str | None = None
    jobs: str | None = None

    @property
    def ready(self) -> bool:
        """Whether requests can be answered."""
        return self.database == OK and self.schema == OK


def check(database: Database, *, at: dt.datetime) -> Health:
    """Look at each part, by three small queries; nothing is raised."""
    try:
        schema.check_schema(database)
        with database.reading() as session:
            places = job_workers.count_places(session, at=at)
    except SchemaVersionError as error:
        return Health(OK, schema=str(error))
    except SQLAlchemyError:
        # What the driver says names hosts and users.
        return Health("The database does not answer.")
    seen = int(job_workers.GONE_AFTER.total_seconds())
    return Health(OK, OK, OK if places else f"Nobody has run jobs for {seen} seconds.")
