"""People, with their site, team and service role."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from webapp.models import ImportKind, Person, ServiceRole, Site, Team
from webapp.services.access import Permission
from webapp.services.exporting.base import Export, day_text
from webapp.services.exporting.formats import Row


class PeopleExport(Export):
    """People by external id, those who left included."""

    name = ImportKind.PEOPLE
    permission = Permission.VIEW_PEOPLE

    def rows(self) -> Iterator[Row]:
        """Yield one row a person."""
        query = (
            select(
                Person.external_id,
                Person.name,
                Person.email,
                Site.code.label("site"),
                Team.code.label("team"),
                Team.name.label("team_name"),
                ServiceRole.code.label("service_role"),
                Person.job_title,
                Person.is_agent,
                Person.active,
                Person.hired_on,
            )
            .join(Site, Person.site_id == Site.id)
            .outerjoin(Team, Person.team_id == Team.id)
            .outerjoin(ServiceRole, Person.service_role_id == ServiceRole.id)
            .where(self.viewer.sees(self.permission))
            .order_by(Person.external_id)
        )
        for part in self._parts(query):
            for line in part:
                yield {
                    "external_id": line.external_id,
                    "name": line.name,
                    "email": line.email,
                    "site": line.site,
                    "team": line.team,
                    "team_name": line.team_name,
                    "service_role": line.service_role,
                    "job_title": line.job_title,
                    "agent": line.is_agent,
                    "active": line.active,
                    "hired_on": day_text(line.hired_on),
                }
