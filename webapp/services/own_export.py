"""
Everything about one person, for that person to take along: one archive of JSON, CSV and their files.

What belongs in it is read from the models: each table that points to a person is either in :data:`ABOUT` or in
:data:`LEFT_OUT` with its reason, and a test fails for one that is in neither, so that a new table cannot be forgotten.
Other people appear by name only, where they said or decided something; customers do not appear at all.
"""

from __future__ import annotations

import csv
import datetime as dt
import enum
import io
import json
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from sqlalchemy import Column, ColumnElement, Table, and_, func, or_, select
from sqlalchemy.orm import Session

from webapp.db import Base
from webapp.errors import ForbiddenError
from webapp.models import Attachment, Person, PlanState
from webapp.services import audit
from webapp.services.audit import Actor
from webapp.services.importing.table import FORMULA_STARTS

JSON_NAME = "my-data.json"
RECORDS_NAME = "my-skills.csv"
README_NAME = "README.txt"
_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Share:
    """
    Which rows and columns of a table a person takes along.

    Parameters
    ----------
    words
        What the rows are, in a sentence for the person.
    columns
        Foreign keys to the person; a row in which one of them names the person is about them.
    parent
        Instead: the foreign key to another table of the archive, whose rows these belong to.
    without
        Columns that are left out, with the reason.
    published_only
        Whether rows of plans count only once the plan was published: a draft is the scheduler's trial.
    """

    words: str
    columns: tuple[str, ...] = ()
    parent: str = ""
    without: Mapping[str, str] | None = None
    published_only: bool = False


_CUSTOMER = "It is a customer's."
_KEY = "It opens the account."

ABOUT: Mapping[str, Share] = {
    "person": Share("Who you are here: name, number, address, site, team and job.", ("id",)),
    "account": Share(
        "How you sign in, and when you last did.",
        ("person_id",),
        without={"password": _KEY, "fs_uniquifier": _KEY},
    ),
    "api_token": Share("Keys that you made for programs.", ("person_id",), without={"secret_hash": _KEY}),
    "calendar_feed": Share("Links that you made for your calendar.", ("person_id",), without={"token_digest": _KEY}),
    "external_identity": Share("Under which key the company's sign-in knows you.", ("person_id",)),
    "scim_user": Share("What your employer's identity system sent about you.", ("person_id",)),
    "role_grant": Share("What you may do in Mainstay, and where.", ("person_id",)),
    "skill_record": Share("Your levels in each skill, as they stand now.", ("person_id",)),
    "skill_event": Share("Everything that was ever written to your skills: claims, reviews, imports.", ("person_id",)),
    "attachment": Share(
        "The files that you added.", ("person_id",), without={"content": "It is a file of its own in this archive."}
    ),
    "evidence_submission": Share("Certificates, courses and badges that you brought, and the answers.", ("person_id",)),
    "dismissed_suggestion": Share("Suggestions of skills that you said no to.", ("person_id",)),
    "deputyship": Share("When you looked after somebody's reviews, or somebody after yours.", ("lead_id", "deputy_id")),
    "saved_search": Share("Searches that you saved.", ("owner_id",)),
    "shift": Share("Your shifts.", ("person_id",)),
    "shift_break": Share("The breaks in your shifts.", parent="shift_id"),
    "absence": Share("When you were away.", ("person_id",)),
    "stretch_slot": Share("When, and in which skill, you chose to grow.", ("person_id",)),
    "roster_change": Share("How your working time changed after a day was planned.", ("person_id",)),
    "assignment": Share("Work that published plans gave you, and why.", ("person_id",), published_only=True),
    "engagement_event": Share("What you did to engagements, and which became yours.", ("actor_id", "owner_id")),
    "swap": Share("Exchanges of work that you proposed or were asked for.", ("proposer_id", "other_id")),
    "assignment_response": Share("How you answered: accepted, declined and why.", parent="assignment_id"),
    "reservation": Share("Time that published plans kept for your live contacts.", ("person_id",), published_only=True),
    "pin": Share("Work that a scheduler fixed for you, and the reason.", ("person_id",)),
    "engagement": Share(
        "Cases that you own.", ("owner_id",), without={"customer_key": _CUSTOMER, "subject": _CUSTOMER}
    ),
    "contact": Share("Contacts that you served.", ("person_id",), without={"customer_key": _CUSTOMER}),
    "agent_presence": Share("Whether you can be given live contacts, as it stands now.", ("person_id",)),
    "routing_contact": Share(
        "Live contacts that were routed to you, for as long as they are kept.",
        ("person_id", "actual_id"),
        without={"customer_key": _CUSTOMER, "external_id": _CUSTOMER, "known_ids": "It names other agents."},
    ),
    "routing_reservation": Share("Live contacts that were offered to you, and how you answered.", ("person_id",)),
    "routing_decision": Share(
        "Why live contacts were given to you.",
        ("person_id",),
        without={
            "snapshot": "It is about everybody who was free at the moment.",
            "runner_up_id": "It names another agent.",
            "runner_up_parts": "It is about another agent.",
            "runner_up_score": "It is about another agent.",
        },
    ),
    "praise": Share(
        "Praise that customers gave you.", ("person_id",), without={"customer_key": _CUSTOMER, "words": _CUSTOMER}
    ),
    "thread_message": Share("What you wrote on threads of engagements.", ("author_id",)),
    "thread_guest": Share("Calls for help that reached you.", ("person_id",)),
    "thread_read": Share("How far you have read which thread.", ("person_id",)),
    "huddle_note": Share("What huddles agreed that is yours or that you wrote down.", ("owner_id", "author_id")),
    "notice": Share("What Mainstay told you under the bell.", ("person_id",)),
    "audit_event": Share("Every change to what is held about you: who made it, and when.", ("person_id",)),
}
"""Each table with rows about a person, in the order of the archive; the architecture test keeps it complete."""

LEFT_OUT: Mapping[str, str] = {
    "check_in": "It is about customers whom rules call on; the work that it made is in the archive.",
    "work_settings": "It is about a site's work; you only own what no agent owns.",
    "routing_setting": "It is about a site; you only set it.",
    "idempotent_answer": "It repeats for three days what a program was answered, so that nothing is done twice.",
    "job": "It tells that you asked the system to work, as the audit trail does, and nothing about you.",
    "export_file": "It holds rows of others that you took out, and is deleted within days.",
    "webhook_subscription": "It is about where another system is told of changes; you only entered it.",
    "connection": "It is about another system that is kept in step; you only entered it.",
    "import_batch": "It is about a file that you imported, which holds other people's data.",
    "plan_run": "It is about a site's day; you only pressed the button.",
    "plan": "It is about a site's day; your own work is in the archive.",
    "scenario": "It is a scheduler's trial of a day as it might be, and nothing that happened.",
    "policy": "It is about how a site plans; you only wrote it.",
    "hiring_profile": "It is about people to be found; you only wrote it.",
    "unassigned": "It is about customers' work that found nobody.",
    "bulk_action": "It is about many people at once; what it wrote about you is in the archive.",
    "intake_item": "It is what another system said of a customer's case; the engagement is in the archive.",
    "intake_mapping": "It is about how another system's messages are read; you only wrote it.",
    "intake_rerun": "It is about another system's messages; you only had them read again.",
    "taxonomy_release": "It is about a published vocabulary; you only imported it.",
    "skill_merge": "It is about two skills of the catalogue; you only merged them.",
}
"""Tables that point to a person and are not about them, with the reason."""


@dataclass(frozen=True, slots=True)
class Part:
    """One table of an archive: its name, what it is in words, and how many rows it has for the person."""

    table: str
    meaning: str
    count: int


def list_parts(session: Session, person: Person) -> list[Part]:
    """Return what a person's archive would hold, tables without rows left out."""
    parts = []
    for name in ABOUT:
        table = Base.metadata.tables[name]
        count = session.scalar(select(func.count()).select_from(table).where(_is_about(table, person.id))) or 0
        if count:
            parts.append(Part(name, ABOUT[name].words, count))
    return parts


def export_own(session: Session, person: Person, target: IO[bytes], *, by: Actor) -> None:
    """
    Write the archive of everything about the person who asks, a ZIP file, and audit that they took it.

    Raises
    ------
    ForbiddenError
        If somebody asks for another's.
    """
    if by.person_id != person.id:
        raise ForbiddenError("Everybody takes their own data along, and nobody another's.")
    rows = {name: _rows(session, Base.metadata.tables[name], person.id) for name in ABOUT}
    with zipfile.ZipFile(target, "w", compression=zipfile.ZIP_DEFLATED) as files:
        files.writestr(README_NAME, _readme(person, rows, by.at))
        files.writestr(JSON_NAME, _json(person, rows, by.at))
        files.writestr(RECORDS_NAME, _records_csv(rows["skill_record"]))
        for key, name in session.execute(
            select(Attachment.id, Attachment.file_name).where(Attachment.person_id == person.id).order_by(Attachment.id)
        ).all():
            content = session.scalar(select(Attachment.content).where(Attachment.id == key)) or b""
            files.writestr(attachment_name(key, name), content)
    counts = {name: len(found) for name, found in rows.items() if found}
    audit.record(session, "export_own_data", person, by=by, person_id=person.id, detail={"rows": counts})


def attachment_name(key: int, file_name: str) -> str:
    """Return the path of a file in the archive, which no unpacking program can be led astray by."""
    return f"attachments/{key}-{re.sub(r'[^A-Za-z0-9._-]+', '-', file_name).lstrip('.') or 'file'}"


def _is_about(table: Table, person_id: int) -> ColumnElement[bool]:
    share = ABOUT[table.name]
    if share.parent:
        (key,) = table.c[share.parent].foreign_keys
        parent = key.column.table
        return table.c[share.parent].in_(select(parent.c.id).where(_is_about(parent, person_id)))
    mine = or_(*(table.c[name] == person_id for name in share.columns))
    if table.name == "audit_event":
        mine = or_(mine, and_(table.c.subject_kind == "person", table.c.subject_id == person_id))
    if share.published_only:
        plan = Base.metadata.tables["plan"]
        live = select(plan.c.id).where(plan.c.state.in_([PlanState.PUBLISHED, PlanState.SUPERSEDED]))
        mine = and_(mine, table.c.plan_id.in_(live))
    return mine


def _rows(session: Session, table: Table, person_id: int) -> list[dict[str, Any]]:
    """Return the rows of a table about a person; a key of another table is followed by what it stands for."""
    without = ABOUT[table.name].without or {}
    columns = [column for column in table.columns if column.name not in without]
    query = select(*columns).where(_is_about(table, person_id)).order_by(*table.primary_key)
    found = [dict(row) for row in session.execute(query).mappings()]
    for column in columns:
        named = _named_table(column)
        if named is not None:
            names = _names(session, named, {row[column.name] for row in found})
            for row in found:
                row[f"{column.name.removesuffix('_id')}_name"] = names.get(row[column.name])
    return found


def _named_table(column: Column[Any]) -> Table | None:
    """Return the table that a column points to, if its rows have names."""
    named = next((key.column.table for key in column.foreign_keys if "name" in key.column.table.columns), None)
    return named if named is not None and named is not column.table else None


def _names(session: Session, table: Table, keys: Iterable[int | None]) -> dict[int, str]:
    wanted = sorted(key for key in keys if key is not None)
    names: dict[int, str] = {}
    for start in range(0, len(wanted), _ROWS_AT_ONCE):
        query = select(table.c.id, table.c.name).where(table.c.id.in_(wanted[start : start + _ROWS_AT_ONCE]))
        names.update((key, name) for key, name in session.execute(query))
    return names


def _json(person: Person, rows: Mapping[str, Sequence[Mapping[str, Any]]], at: dt.datetime) -> str:
    content = {
        "exported_at": at.isoformat(),
        "person": {"number": person.external_id, "name": person.name},
        "tables": rows,
    }
    return json.dumps(content, default=_plain, ensure_ascii=False, indent=1)


def _plain(value: object) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in an archive.")


def _records_csv(records: Sequence[Mapping[str, Any]]) -> str:
    header = (
        "skill_name", "claimed_level", "validated_level", "effective_level", "interest", "last_used_on", "valid_until",
    )  # fmt: skip
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(header)
    writer.writerows([_cell(record[name]) for name in header] for record in records)
    return "\N{BYTE ORDER MARK}" + buffer.getvalue()


def _cell(value: Any) -> str | int | None:
    if value is None or isinstance(value, int):
        return value
    text = str(getattr(value, "value", value))
    # A spreadsheet runs a cell that begins so as a formula; an apostrophe makes it text.
    return f"'{text}" if text[:1] in FORMULA_STARTS else text


def _readme(person: Person, rows: Mapping[str, Sequence[Mapping[str, Any]]], at: dt.datetime) -> str:
    files: defaultdict[str, list[str]] = defaultdict(list)
    for name, found in rows.items():
        files["some" if found else "none"].append(f"  {name} ({len(found)}): {ABOUT[name].words}")
    lines = [
        f"Everything that Mainstay holds about {person.name} ({person.external_id}), {at:%-d %B %Y, %H:%M} UTC.",
        "",
        f"{JSON_NAME}  all of it, table by table; times are UTC",
        f"{RECORDS_NAME}  your skills as a table",
        "attachments/  the files that you added, named by their key",
        "",
        "Tables, with the number of rows about you:",
        *files["some"],
        "",
        "Nothing is held about you in:",
        *files["none"],
        "",
        "Not in here, and why:",
        *(f"  {name}: {reason}" for name, reason in LEFT_OUT.items()),
        *(
            f"  {table}.{column}: {reason}"
            for table, share in ABOUT.items()
            for column, reason in (share.without or {}).items()
        ),
        "",
        "Other people are named where they said or decided something about you; customers are not.",
    ]
    return "\n".join(lines) + "\n"
