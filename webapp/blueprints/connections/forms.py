"""Forms of webhooks and connections: their shape only, the rules are in the services."""

from __future__ import annotations

from collections.abc import Iterable

from wtforms import BooleanField, PasswordField, SelectField, SelectMultipleField, StringField, TextAreaField, widgets
from wtforms.validators import InputRequired

from webapp.forms import options
from webapp.forms.editing import EditingForm
from webapp.models import ConnectionPreset, EventKind, PersonKey, Site
from webapp.services import outbox
from webapp.services.connections.keeping import ConnectionDraft
from webapp.services.webhooks import SubscriptionDraft

KIND_WORDS = {
    EventKind.PLAN_PUBLISHED: "A plan is published",
    EventKind.ASSIGNMENT_CHANGED: "An engagement is given to somebody else, or at another time",
    EventKind.LEVEL_VALIDATED: "A level is validated, or changes",
    EventKind.ENGAGEMENT_STATE: "An engagement comes into another state",
    EventKind.JOB_DEAD: "A job was tried in vain",
    EventKind.TEST: "Test",
}


def _site_id(text: object) -> int | None:
    return int(str(text)) if str(text or "").isdecimal() else None


class WebhookForm(EditingForm):
    """An address that is told of events."""

    name = StringField("Name", [InputRequired("Give it a name.")])
    url = StringField("Address", [InputRequired("Enter the address.")])
    kinds = SelectMultipleField(
        "Events",
        [InputRequired("Choose at least one kind of event.")],
        choices=options((kind.value, KIND_WORDS[kind]) for kind in outbox.FOLLOWABLE),
        widget=widgets.ListWidget(prefix_label=False),
        option_widget=widgets.CheckboxInput(),
    )
    site_id = SelectField("Site", coerce=_site_id)
    active = BooleanField("Active", default=True)

    def offer(self, sites: Iterable[Site]) -> None:
        """Fill the choices."""
        self.site_id.choices = options([("", "All sites"), *((site.id, site.name) for site in sites)])

    def draft(self) -> SubscriptionDraft:
        """Return what the form says."""
        return SubscriptionDraft(
            name=self.name.data or "",
            url=self.url.data or "",
            kinds=[EventKind(kind) for kind in self.kinds.data or []],
            site_id=self.site_id.data,
            active=bool(self.active.data),
        )


class ConnectionForm(EditingForm):
    """Another system that is kept in step with a site."""

    name = StringField("Name", [InputRequired("Give it a name.")])
    site_id = SelectField("Site", [InputRequired("Choose a site.")], coerce=_site_id)
    base_url = StringField("Address of its API")
    account = StringField("Account")
    user = StringField("User")
    token = PasswordField("Token")
    client_id = StringField("Client id")
    client_secret = PasswordField("Client secret")
    people_by = SelectField(
        "It knows agents by",
        choices=options(
            [
                (PersonKey.EXTERNAL_ID.value, "their code in Mainstay"),
                (PersonKey.EMAIL.value, "their e-mail address"),
            ]
        ),
    )
    person_ids = TextAreaField("Ids of agents there")
    skill_ids = TextAreaField("Ids of skills there")
    writes_assignees = BooleanField("Write who handles each ticket, after each publishing")
    writes_levels = BooleanField("Write skill levels, whenever they change")
    shadow = BooleanField("Shadow: record what would be written, send nothing", default=True)
    active = BooleanField("Active", default=True)

    def offer(self, sites: Iterable[Site]) -> None:
        """Fill the choices."""
        self.site_id.choices = options((site.id, site.name) for site in sites)

    def draft(self, preset: ConnectionPreset) -> ConnectionDraft:
        """Return what the form says."""
        return ConnectionDraft(
            name=self.name.data or "",
            preset=preset,
            site_id=self.site_id.data or 0,
            base_url=self.base_url.data or "",
            account=self.account.data or "",
            secrets={name: self[name].data or "" for name in ("user", "token", "client_id", "client_secret")},
            people_by=PersonKey(self.people_by.data),
            person_ids=self.person_ids.data or "",
            skill_ids=self.skill_ids.data or "",
            writes_assignees=bool(self.writes_assignees.data),
            writes_levels=bool(self.writes_levels.data),
            shadow=bool(self.shadow.data),
            active=bool(self.active.data),
        )
