"""The main job on real input: files in, a plan, a pin, a published day, an agent who declines, and who hears of it."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import expect

from tests import running
from tests.functional.visitor import PASSWORD, Visitor

ADMIN = "ada@example.test"
DAY = dt.datetime.now(ZoneInfo("Europe/Berlin")).date() + dt.timedelta(days=1)
"""Tomorrow at the site: nothing of it has begun, whatever the time is."""

PEOPLE = """external_id,name,email,site,team,team_name
ana,Ana Duarte,ana@example.test,harbour,care,Customer care
bo,Bo Larsen,bo@example.test,harbour,care,Customer care
cem,Cem Aydin,cem@example.test,harbour,care,Customer care
dana,Dana Kral,dana@example.test,harbour,care,Customer care
sven,Sven Holm,sven@example.test,harbour,,
"""
SKILLS = """code,name,kind,group,group_name,prerequisites
billing,Billing,product,products,Products,
returns,Returns,product,products,Products,
network,Network faults,product,products,Products,
german,German,language,languages,Languages,
"""
RECORDS = """person,billing,returns,network,german
ana,3,,,3
bo,2,3,,
cem,,2,4,
dana,4,,,4
"""
TYPES = """code,name,channel,stance,handle_minutes,value,requirements
refund,Refund by e-mail,email,reactive,20,10,billing>=2
parcel,Lost parcel,case,reactive,30,12,returns>=2
outage,Outage call-back,callback,reactive,25,20,network>=3; german>=1 ?
check-in,Check-in after a fault,email,proactive,15,6,billing>=1
expert,Core network case,case,reactive,30,30,network>=5
"""
SHIFTS = "external_id,person,starts_at,ends_at,breaks\n" + "".join(
    f"s-{person},{person},{DAY} 08:00,{DAY} 16:00,12:00-12:30\n" for person in ("ana", "bo", "cem", "dana")
)
# The headers of a ticket system: some are recognised, "No." is not.
TICKETS = "No.;type;customer;earliest_at;due_at;priority\n" + "".join(
    f"{kind}-{number};{kind};c-{number};{DAY} 08:00;{DAY} 15:00;3\n"
    for number, kind in enumerate(["refund"] * 4 + ["parcel"] * 3 + ["outage", "check-in", "expert"], start=1)
)


@pytest.fixture(scope="module")
def seeded(database_url):
    """Set a new installation up as the README says: a site and an admin, by the console."""
    running.mainstay("site", "add", "harbour", "Harbour", "Europe/Berlin", database_url=database_url)
    admin = ("admin", "create", ADMIN, "Ada Moran", "--site", "harbour", "--password", PASSWORD)
    running.mainstay(*admin, database_url=database_url)


def _upload(visitor: Visitor, kind: str, name: str, text: str) -> None:
    """Choose a kind and a file, and see how its columns are understood."""
    page = visitor.page
    visitor.follow("Imports", within=page.get_by_role("navigation", name="Main"))
    visitor.follow(f"Import {kind}")
    page.get_by_label("File", exact=True).set_input_files(
        {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
    )
    if kind == "engagements":
        page.get_by_label("Site").select_option(label="Harbour")
    visitor.press("Upload and map columns")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Columns of {name}")
    visitor.check()


def _check(visitor: Visitor) -> None:
    visitor.press("Check the file")
    expect(visitor.page.get_by_role("button", name="Check again")).to_be_visible()
    visitor.check()


def _apply(visitor: Visitor) -> None:
    visitor.press("Import it")
    expect(visitor.page.get_by_text("all rows in one step")).to_be_visible()
    visitor.check()


def _import(visitor: Visitor, kind: str, text: str) -> None:
    _upload(visitor, kind, f"{kind}.csv".replace(" ", "-"), text)
    _check(visitor)
    _apply(visitor)


def _give_account(visitor: Visitor, name: str, *, role: str | None = None) -> str:
    """Let an admin grant a role and create an account; return the password that is shown once."""
    page = visitor.page
    visitor.open("/people")
    page.get_by_role("main").get_by_role("link", name=name).click()
    visitor.follow("Roles and sign-in")
    if role is not None:
        page.get_by_label("Role", exact=True).select_option(label=role)
        page.get_by_label("Site").select_option(label="Harbour")
        visitor.press("Grant", exact=True)
        expect(page.get_by_role("main").get_by_role("listitem").filter(has_text=role)).to_contain_text("Harbour")
    visitor.press("Create with a first password")
    expect(page.get_by_role("heading", level=1)).to_contain_text("A way in for")
    visitor.check()
    return page.get_by_label("First password").input_value()


def _import_tickets_with_a_mistake_first(visitor: Visitor) -> None:
    """See a wrong row named by row, column and value; import the mended file, which a second time changes nothing."""
    page = visitor.page
    _upload(visitor, "engagements", "tickets.csv", TICKETS.replace("parcel-6;parcel", "parcel-6;parcle"))
    page.get_by_label("external_id").select_option(label="No.")
    _check(visitor)
    expect(page.get_by_text("The file has problems")).to_be_visible()
    row = page.get_by_role("table", name="Problems").get_by_role("row").nth(1)
    expect(row).to_contain_text(re.compile(r"7\s+type\s+parcle[\s\S]+Did you mean “parcel”"))

    _upload(visitor, "engagements", "tickets.csv", TICKETS)
    # The choice of columns is remembered for files with these headers.
    expect(page.get_by_label("external_id")).to_have_value("No.")
    _check(visitor)
    expect(page.get_by_text("The file can be imported")).to_be_visible()
    _apply(visitor)

    _upload(visitor, "engagements", "tickets-again.csv", TICKETS)
    _check(visitor)
    expect(page.get_by_text("Nothing would change")).to_be_visible()


def _open_day(visitor: Visitor) -> None:
    visitor.follow("Plans", within=visitor.page.get_by_role("navigation", name="Main"))
    visitor.page.get_by_role("textbox", name="Day").fill(DAY.isoformat())
    expect(visitor.page.get_by_role("heading", name="Run the optimizer")).to_be_visible()
    visitor.check_again()


def _run(visitor: Visitor) -> None:
    """Start a run, see its progress and come to its plan."""
    visitor.page.get_by_label("Time limit, seconds").fill("5")
    visitor.press("Run", exact=True)
    expect(visitor.page.get_by_role("heading", name=re.compile("^Planning "))).to_be_visible()
    visitor.check()
    expect(visitor.page.get_by_role("navigation", name="Parts of the plan")).to_be_visible(timeout=40_000)
    visitor.check()


def _pin_the_call_back(visitor: Visitor) -> None:
    visitor.follow("Assignments")
    visitor.follow("outage-8")
    with visitor.expecting(422):
        visitor.press("Pin it here")
        expect(visitor.page.locator(".field-error")).to_contain_text("Say why")
        visitor.check_again()
    visitor.page.get_by_label("Reason").fill("He has spoken with this customer before")
    visitor.press("Pin it here")
    expect(visitor.page.get_by_text("Pinned to Cem Aydin, 08:")).to_be_visible()
    visitor.check_again()


def _publish(visitor: Visitor) -> None:
    visitor.follow(re.compile("Publish"))
    visitor.press("Publish", within=visitor.page.get_by_role("main"), exact=True)
    expect(visitor.page.get_by_text(re.compile("Published by Sven Holm"))).to_be_visible()
    visitor.check_again()


def _decline_on_a_phone(agent: Visitor) -> None:
    """See as an agent what is planned and why, and say why not."""
    page = agent.page
    agent.open(f"/day?day={DAY.isoformat()}")
    work = page.get_by_role("listitem").filter(has=page.get_by_role("heading", name="Outage call-back"))
    expect(work).to_contain_text("Why me?")
    expect(work).to_contain_text("Network faults")
    work.locator("summary", has_text="Decline").click()
    with agent.expecting(422):
        agent.press("Decline with this reason", within=work)
        expect(work.locator(".field-error")).to_be_visible()
        agent.check_again()
    work.get_by_label("Why not?").fill("I am at the dentist from two o'clock")
    agent.press("Decline with this reason", within=work)
    expect(work).to_contain_text("You said: “I am at the dentist from two o'clock”")
    agent.check_again()


# Some thirty pages, each looked at by axe in light and dark, and two solves: on a busy machine that takes its time.
@pytest.mark.timeout(600)
def test_from_files_to_a_declined_assignment(visit):
    admin = visit(ADMIN)
    _import(admin, "people", PEOPLE)
    _import(admin, "skills", SKILLS)
    _import(admin, "skill records", RECORDS)
    scheduler_password = _give_account(admin, "Sven Holm", role="Scheduler")
    agent_password = _give_account(admin, "Cem Aydin")

    scheduler = visit("sven@example.test", password=scheduler_password)
    _import(scheduler, "engagement types", TYPES)
    _import(scheduler, "shifts", SHIFTS)
    _import_tickets_with_a_mistake_first(scheduler)

    _open_day(scheduler)
    _run(scheduler)
    expect(scheduler.page.get_by_role("main")).to_contain_text("9 of 10")
    scheduler.follow("Left out")
    expect(scheduler.page.get_by_role("row").filter(has_text="expert-10")).to_contain_text("Network faults")
    _pin_the_call_back(scheduler)
    _open_day(scheduler)
    expect(scheduler.page.get_by_text("1 pin will be kept")).to_be_visible()
    _run(scheduler)
    _publish(scheduler)

    agent = visit("cem@example.test", password=agent_password, phone=True)
    _decline_on_a_phone(agent)

    page = scheduler.page
    page.reload()
    page.get_by_role("link", name=re.compile("Notices, ")).click()
    scheduler.check()
    notice = page.get_by_role("listitem").filter(has_text="Cem Aydin declined outage-8")
    expect(notice).to_contain_text("I am at the dentist")
    notice.get_by_role("button", name="Open").click()
    expect(page.get_by_role("row").filter(has_text="outage-8")).to_contain_text("I am at the dentist from two o'clock")
    scheduler.check()
