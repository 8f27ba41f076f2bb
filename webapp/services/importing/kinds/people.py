"""People: the directory, with their site, team and service role."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from typing import Any, ClassVar

from sqlalchemy import func, insert, select

from webapp.models import Account, ImportKind, Person, Role, RoleGrant, Team
from webapp.services import ownership
from webapp.services.access import Permission
from webapp.services.importing import values
from webapp.services.importing.columns import Column
from webapp.services.importing.context import Context, ParsedRow
from webapp.services.importing.kinds.base import Kind, merge
from webapp.services.importing.stores import Snapshot, Store, chunks
from webapp.services.importing.writing import Draft

TEAMS = Store(Team, ("code",), ("code", "name", "site_id"))
PEOPLE = Store(
    Person,
    ("external_id",),
    (
        "external_id",
        "name",
        "email",
        "site_id",
        "team_id",
        "service_role_id",
        "job_title",
        "is_agent",
        "active",
        "hired_on",
    ),
    retire={"active": False},
)
_DEFAULTS: Snapshot = {
    "email": None,
    "team_id": None,
    "service_role_id": None,
    "job_title": "",
    "is_agent": True,
    "active": True,
    "hired_on": None,
}
_PLAIN = {"name": "name", "email": "email", "job_title": "job_title", "agent": "is_agent", "active": "active"}
_ACCOUNT_FIELDS = ("email", "active")


class People(Kind):
    """People by external id."""

    name = ImportKind.PEOPLE
    title = "People"
    about = (
        "People of the directory by external id. A new agent gets the role agent; accounts and other roles are given "
        "under People."
    )
    permission = Permission.IMPORT_DIRECTORY
    stores = (TEAMS, PEOPLE)
    columns: ClassVar[tuple[Column, ...]] = (
        Column(
            "external_id",
            values.code,
            "Id of the person in the directory or HR system",
            "p1001",
            required=True,
            aliases=("id", "number", "person_id", "employee_id", "employee_number", "person"),
        ),
        Column("name", values.text(200), "Full name", "Ana Duarte", required=True, aliases=("full_name", "employee")),
        Column(
            "email",
            values.email,
            "Work e-mail address, each once",
            "ana.duarte@example.com",
            aliases=("e_mail", "mail"),
        ),
        Column(
            "site",
            values.code,
            "Code of the site; empty: the site chosen for the file",
            "lisbon",
            aliases=("site_code", "location"),
        ),
        Column("team", values.code, "Code of the team", "lisbon-care", aliases=("team_code",)),
        Column(
            "team_name",
            values.text(200),
            "Name of the team; with it, a team that does not exist yet is added",
            "Customer care",
        ),
        Column(
            "service_role", values.code, "Code of the service role", "agent-2", aliases=("role", "service_role_code")
        ),
        Column("job_title", values.text(120), "Job title", "Service agent", aliases=("title",)),
        Column("agent", values.flag, "Whether they handle engagements; empty: yes", "yes", aliases=("is_agent",)),
        Column(
            "active",
            values.flag,
            "Whether they are employed; no ends their sessions at once; empty: yes",
            "yes",
            aliases=("is_active",),
        ),
        Column("hired_on", values.date, "First day of work", "2024-03-01", aliases=("hire_date", "start_date")),
    )

    def save(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        """Save the teams that are new, then the people."""
        rows = [row for row in rows if context.first_of_key(row.number, "external_id", row.values["external_id"])]
        self._add_teams(context, rows)
        self._guarded = _Guard(context, [row.values["external_id"] for row in rows])
        drafts = [draft for row in rows if (draft := self._draft(context, row)) is not None]
        context.sink.save(PEOPLE, drafts, after_write=lambda written: mirror_accounts(context, written))

    def _add_teams(self, context: Context, rows: Sequence[ParsedRow]) -> None:
        drafts: dict[str, Draft] = {}
        for row in rows:
            code, name = row.get("team"), row.get("team_name")
            if code is None or name is None or code in context.teams or code in drafts:
                continue
            site = context.site_of(row)
            if site is not None:
                snapshot = {"code": code, "name": name, "site_id": site.id}
                drafts[code] = Draft(row.number, (code,), f"team {code}", lambda _, snapshot=snapshot: snapshot)  # type: ignore[misc]
        ids = context.sink.save(TEAMS, list(drafts.values()))
        for code, draft in drafts.items():
            snapshot = draft.build(None) or {}
            context.teams[code] = (ids[(code,)], snapshot["site_id"])

    def _draft(self, context: Context, row: ParsedRow) -> Draft | None:
        site = context.site_of(row) if row.get("site") or context.site is not None else None
        email = row.get("email")
        if row.get("site") is not None and site is None:
            return None
        if email is not None and not context.first_of_key(row.number, "email", email):
            return None
        if row.get("service_role") is not None and row.values["service_role"] not in context.service_roles:
            context.unknown(
                row.number, "service_role", row.values["service_role"], "service role", context.service_roles
            )
            return None

        def build(present: Snapshot | None) -> Snapshot | None:
            return self._build(context, row, site.id if site else None, present)

        return Draft(
            row.number, (row.values["external_id"],), f"{row.values['external_id']} {row.values['name']}", build
        )

    def _build(
        self, context: Context, row: ParsedRow, site_id: int | None, present: Snapshot | None
    ) -> Snapshot | None:
        external_id = row.values["external_id"]
        if present is not None and not context.covers(present["site_id"]):
            context.out_of_scope(row.number, "external_id", external_id)
            return None
        after = merge(row, present, _PLAIN, _DEFAULTS)
        after["external_id"] = external_id
        if site_id is not None:
            after["site_id"] = site_id
        elif present is None:
            context.site_of(row)
            return None
        if "hired_on" in row.values:
            hired_on: dt.date | None = row.values["hired_on"]
            after["hired_on"] = hired_on.isoformat() if hired_on else None
        if "service_role" in row.values:
            code = row.values["service_role"]
            after["service_role_id"] = context.service_roles[code] if code else None
        if "team" in row.values and not self._set_team(context, row, after):
            return None
        return after if self._guarded.allows(row, present, after) else None

    @staticmethod
    def _set_team(context: Context, row: ParsedRow, after: Snapshot) -> bool:
        code = row.values["team"]
        if code is None:
            after["team_id"] = None
            return True
        if code not in context.teams:
            context.unknown(row.number, "team", code, "team", context.teams)
            return False
        team_id, site_id = context.teams[code]
        if site_id != after["site_id"]:
            context.problem(
                row.number,
                "team",
                code,
                "wrong_team",
                "This team belongs to another site.",
                "A team of the person's site.",
            )
            return False
        after["team_id"] = team_id
        return True


class _Guard:
    """
    What an import may not do to people who can sign in.

    Whoever holds a role that the importer could not grant is managed by an admin alone, nobody deactivates
    themselves, and no two people have one address: an import must not be the way around the pages.
    """

    def __init__(self, context: Context, external_ids: Sequence[str]) -> None:
        self._context = context
        self._roles: dict[str, set[Role]] = {}
        self._with_account: set[str] = set()
        self._emails: dict[str, str] = {}
        self._own_id: str | None = None
        session = context.session
        for some in chunks(external_ids):
            grants = (
                select(Person.external_id, RoleGrant.role).join(RoleGrant.person).where(Person.external_id.in_(some))
            )
            for external_id, role in session.execute(grants):
                self._roles.setdefault(external_id, set()).add(role)
            accounts = select(Person.external_id).join(Account, Account.person_id == Person.id)
            self._with_account.update(session.scalars(accounts.where(Person.external_id.in_(some))))
        if context.by.person_id is not None:
            self._own_id = session.scalar(select(Person.external_id).where(Person.id == context.by.person_id))
        self._emails = {
            email.lower(): external_id
            for email, external_id in session.execute(
                select(Person.email, Person.external_id).where(Person.email.is_not(None))
            )
            if email is not None
        }
        for email, external_id in session.execute(
            select(func.lower(Account.email), Person.external_id).join(Person, Account.person_id == Person.id)
        ):
            self._emails.setdefault(email, external_id)

    def allows(self, row: ParsedRow, present: Snapshot | None, after: Snapshot) -> bool:
        """Return whether the row may be applied; else a problem is noted."""
        external_id, email = after["external_id"], after["email"]
        owner = self._emails.get(email, external_id) if email else external_id
        if owner != external_id:
            self._context.problem(
                row.number,
                "email",
                email,
                "taken_email",
                "Somebody else has this e-mail address.",
                "An address of their own.",
            )
            return False
        if present is None:
            return True
        changed = [name for name in _ACCOUNT_FIELDS if present[name] != after[name]]
        if changed and not self._may_manage(external_id):
            self._context.problem(
                row.number,
                changed[0],
                str(after[changed[0]]),
                "admin_only",
                "This person holds a role that only an admin manages.",
                "The present value; an admin can change it.",
            )
            return False
        if external_id == self._own_id and not self._allows_own(row, present, after):
            return False
        if "email" in changed and email is None and external_id in self._with_account:
            self._context.problem(
                row.number,
                "email",
                "",
                "needs_email",
                "This person signs in with an e-mail address.",
                values.email.accepts,
            )
            return False
        return True

    def _allows_own(self, row: ParsedRow, present: Snapshot, after: Snapshot) -> bool:
        """Return whether a row about the person who imports leaves alone what nobody changes about themselves."""
        if present["active"] != after["active"]:
            self._context.problem(
                row.number, "active", "no", "own_account", "Nobody deactivates themselves.", "yes, in your own row."
            )
            return False
        if present["service_role_id"] != after["service_role_id"]:
            self._context.problem(
                row.number,
                "service_role",
                row.values["service_role"] or "",
                "own_role",
                "Nobody changes their own service role.",
                "The present role; somebody else can change it.",
            )
            return False
        return True

    def _may_manage(self, external_id: str) -> bool:
        viewer = self._context.viewer
        return viewer is None or self._roles.get(external_id, set()) <= viewer.grantable()


def mirror_accounts(context: Context, written: Sequence[tuple[int, Snapshot | None, Snapshot]]) -> None:
    """
    Give new agents their role, and accounts the address and the state of their person.

    Whoever is deactivated is signed out with their next request.
    """
    new_agents = {
        row_id for row_id, before, after in written if after["is_agent"] and not (before and before["is_agent"])
    }
    for some in chunks(new_agents):
        agents = select(RoleGrant.person_id).where(RoleGrant.person_id.in_(some), RoleGrant.role == Role.AGENT)
        fresh = set(some) - set(context.session.scalars(agents))
        if fresh:
            rows: list[dict[str, Any]] = [{"person_id": row_id, "role": Role.AGENT} for row_id in sorted(fresh)]
            context.session.execute(insert(RoleGrant), rows)
    touched = {
        row_id: after
        for row_id, before, after in written
        if before is not None and any(before[name] != after[name] for name in _ACCOUNT_FIELDS)
    }
    for some in chunks(touched):
        for account in context.session.scalars(select(Account).where(Account.person_id.in_(some))):
            after = touched[account.person_id]
            account.email = after["email"] or account.email
            if account.active and not after["active"]:
                account.fs_uniquifier = secrets.token_hex(16)
            account.active = after["active"]
    context.session.flush()
    left = [row_id for row_id, before, after in written if before and before["active"] and not after["active"]]
    for some in chunks(left):
        for person in context.session.scalars(select(Person).where(Person.id.in_(some)).order_by(Person.id)):
            ownership.hand_over(context.session, person, by=context.by)
