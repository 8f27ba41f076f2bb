"""Forms about people, their roles and accounts, teams and sites; they check shape only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, DateField, SelectField, StringField
from wtforms.validators import DataRequired, Length, Optional, Regexp

from webapp.forms import options, to_key
from webapp.forms.editing import EditingForm
from webapp.models import Role, ServiceRole, Site, Team
from webapp.services.people import PersonValues
from webapp.services.roles import ROLE_NAMES


def _options(rows: Sequence[Site] | Sequence[Team] | Sequence[ServiceRole], empty: str | None) -> list[tuple[Any, str]]:
    options: list[tuple[Any, str]] = [(row.id, row.name) for row in rows]
    return options if empty is None else [("", empty), *options]


class PersonForm(EditingForm):
    """What the directory keeps of a person."""

    name = StringField("Name", [DataRequired("Give a name."), Length(max=200)])
    # The shape alone: names that no public server knows are common inside a company.
    email = StringField(
        "E-mail",
        [Optional(), Regexp(r"[^@\s]+@[^@\s]+\.[^@\s]+$", message="This is not an e-mail address."), Length(max=254)],
    )
    site_id = SelectField("Site", coerce=to_key)
    team_id = SelectField("Team", coerce=to_key)
    service_role_id = SelectField("Service role", coerce=to_key)
    job_title = StringField("Job title", [Optional(), Length(max=120)])
    hired_on = DateField("Hired on", [Optional()])
    is_agent = BooleanField("Handles engagements", default=True)

    def offer(
        self, sites: Sequence[Site], teams: Sequence[Team], service_roles: Sequence[ServiceRole], *, team_id: int | None
    ) -> None:
        """Offer the places and roles that may be chosen; the team that a person has stays on offer."""
        names = {site.id: site.name for site in sites}
        self.site_id.choices = _options(sites, None)
        offered = [(team.id, f"{team.name} ({names[team.site_id]})") for team in teams if team.site_id in names]
        self.team_id.choices = [("", "No team"), *offered]
        if team_id is not None and team_id not in {key for key, _ in offered}:
            self.team_id.choices.append((team_id, "Present team"))
        self.service_role_id.choices = _options(service_roles, "None")

    def values(self) -> PersonValues:
        """Return what was entered."""
        return PersonValues(
            name=self.name.data or "",
            email=self.email.data or None,
            site_id=self.site_id.data,
            team_id=self.team_id.data,
            service_role_id=self.service_role_id.data,
            job_title=self.job_title.data or "",
            is_agent=bool(self.is_agent.data),
            hired_on=self.hired_on.data,
        )


class NewPersonForm(PersonForm):
    """What the directory keeps of a person, with the number that stays theirs."""

    external_id = StringField(
        "Number",
        [DataRequired("Give the number by which other systems know the person."), Length(max=80)],
        description="How other systems know the person, such as a staff number; imports find them by it.",
    )


class GrantForm(FlaskForm):
    """A role to grant, and where it holds."""

    role = SelectField("Role", coerce=Role)
    team_id = SelectField("Team", coerce=to_key, description="For a team lead: the team that they lead.")
    site_id = SelectField("Site", coerce=to_key, description="For a scheduler or HR: the site that they serve.")

    def offer(self, roles: Sequence[Role], sites: Sequence[Site], teams: Sequence[Team]) -> None:
        """Offer the roles and places that the viewer may grant."""
        self.role.choices = [(role.value, ROLE_NAMES[role]) for role in roles]
        self.team_id.choices = _options(teams, "–")
        self.site_id.choices = _options(sites, "–")


class AccountForm(FlaskForm):
    """How somebody gets in first: by a link that works once, or with a password that is shown once."""

    way = SelectField("Way", choices=options([("link", "Link"), ("password", "Password")]))


class SiteForm(EditingForm):
    """A site."""

    code = StringField("Code", [Optional(), Length(max=80)], description="Short and lasting; imports find it by this.")
    name = StringField("Name", [DataRequired("Give it a name."), Length(max=200)])
    time_zone = StringField(
        "Time zone", [DataRequired("Give a time zone."), Length(max=60)], description="Such as Europe/Berlin."
    )


class TeamForm(EditingForm):
    """A team."""

    code = StringField("Code", [Optional(), Length(max=80)], description="Short and lasting; imports find it by this.")
    name = StringField("Name", [DataRequired("Give it a name."), Length(max=200)])
