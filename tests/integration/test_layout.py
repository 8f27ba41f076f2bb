"""What surrounds every page: navigation by role, toasts, icons, errors, the account."""

from __future__ import annotations

import re
import sqlite3
import time

import pytest
from flask import render_template_string, url_for
from flask_wtf import FlaskForm
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from wtforms import StringField
from wtforms.validators import DataRequired

from tests.factories import NOW
from webapp.charts import Figure, inline_rows
from webapp.errors import InvalidInputError
from webapp.forms import add_error
from webapp.models import Person, Role
from webapp.services.access import Permission
from webapp.services.versions import Difference
from webapp.web import figures
from webapp.web.editing import Conflict
from webapp.web.filters import url_with
from webapp.web.guard import requires
from webapp.web.icons import icon, icon_symbols
from webapp.web.request import current_person, get_session
from webapp.web.tables import Column, Page
from webapp.web.toasts import flash_success, flash_undo, take_toasts


class NameForm(FlaskForm):
    name = StringField("Name", [DataRequired("Give it a name.")])
    code = StringField("Code")


FIGURE = Figure(
    title="Demand / capacity",
    description="Demand exceeds capacity at 11:00.",
    spec={
        "data": inline_rows(("interval", "minutes"), [("11:00", 30.5)]),
        "mark": "bar",
        "encoding": {"x": {"field": "interval"}, "y": {"field": "minutes", "type": "quantitative"}},
    },
    columns=("interval", "minutes"),
    rows=[("11:00", 30.5)],
)


def test_navigation_shows_what_the_roles_open(make, sign_in):
    agent = sign_in(make.person()).get("/account").text
    admin = sign_in(make.person(roles=[Role.ADMIN])).get("/account").text
    assert 'href="/audit"' not in agent
    assert 'href="/audit"' in admin


def test_a_phone_shows_first_what_somebody_comes_for(make, sign_in):
    def bottom_bar(person):
        page = sign_in(person).get("/account").text
        bar = page[page.index('class="bottom-bar') :]
        return re.findall(r"<span>([^<]+)</span>", bar[: bar.index("</nav>")])

    scheduler = make.person(roles=[Role.SCHEDULER], is_agent=False)
    assert bottom_bar(scheduler)[:3] == ["Board", "About to slip", "Engagements"]
    assert bottom_bar(make.person())[:2] == ["My day", "Threads"]


def test_the_present_page_is_marked_once_in_each_navigation(make, sign_in):
    page = sign_in(make.person(roles=[Role.ADMIN])).get("/audit").text
    sidebar = page[page.index('aria-label="Main"') : page.index("</nav>")]
    assert re.findall(r'href="([^"]*)"\s+aria-current="page"', sidebar) == ["/audit"]


def test_a_page_below_a_listed_one_marks_that_one(app, make, sign_in):
    admin = make.person(roles=[Role.ADMIN])
    skill = make.skill()
    with app.test_request_context():
        address = url_for("catalogue.skill", skill_id=skill.id)
    page = sign_in(admin).get(address).text
    sidebar = page[page.index('aria-label="Main"') : page.index("</nav>")]
    assert len(re.findall('aria-current="page"', sidebar)) == 1


def test_no_page_carries_an_inline_script_style_or_handler(make, sign_in):
    page = sign_in(make.person(roles=[Role.ADMIN])).get("/jobs").text
    assert not re.search(r"<script(?![^>]* src=)", page)
    assert not re.search(r"<[^>]+ (style|on\w+)=", page)
    assert "<style" not in page


def test_an_unknown_page_keeps_the_navigation_and_says_what_to_do(make, sign_in):
    answer = sign_in(make.person()).get("/nowhere")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.text
    assert 'aria-label="Main"' in answer.text


def test_an_unknown_page_shows_no_navigation_to_strangers(client):
    answer = client.get("/nowhere")
    assert answer.status_code == 404
    assert 'aria-label="Main"' not in answer.text


def test_who_loses_a_race_learns_it_on_a_page_with_navigation(app, make, sign_in):
    """The transaction that failed is closed before the page around the message reads the person's roles."""

    @requires(Permission.USE_MAINSTAY)
    def race():
        session = get_session()
        person = current_person()
        other_editor = update(Person).where(Person.id == person.id).values(version=99)
        session.execute(other_editor, execution_options={"synchronize_session": False})
        person.job_title = "Too late"
        session.flush()

    app.add_url_rule("/race", view_func=race, methods=["POST"])
    answer = sign_in(make.person()).post("/race")
    assert answer.status_code == 409
    assert "Somebody was faster" in answer.text
    assert 'aria-label="Main"' in answer.text


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("SELECT 1", {}, sqlite3.OperationalError("locked")), 503, "Busy right now"),
        (RuntimeError("a bug"), 500, "Something broke on our side"),
    ],
)
def test_a_fault_is_answered_by_a_page_that_needs_no_database(app, make, sign_in, error, status, words):
    @requires(Permission.USE_MAINSTAY)
    def fault():
        raise error

    app.add_url_rule("/fault", view_func=fault)
    answer = sign_in(make.person()).get("/fault")
    assert answer.status_code == status
    assert words in answer.text
    assert "a bug" not in answer.text
    assert 'aria-label="Main"' not in answer.text
    assert 'href="/fault"' in answer.text


def test_the_account_says_which_roles_open_what(make, sign_in):
    page = sign_in(make.person(roles=[Role.AGENT, Role.HR])).get("/account").text
    assert "HR" in page
    assert "build hiring profiles" in page
    assert "Change password" in page


@pytest.mark.parametrize("address", ["/login", "/reset"])
def test_pages_before_sign_in_are_mainstays_own(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    assert 'class="sign-in"' in answer.text
    assert "form-control" in answer.text


def test_a_wrong_password_is_said_beside_the_form(client):
    answer = client.post("/login", data={"email": "nobody@example.test", "password": "wrong wrong wrong"})
    assert 'class="field-error"' in answer.text or "tone-bad" in answer.text
    assert "nobody@example.test" in answer.text


def test_changing_the_password_asks_again_who_one_is_when_sign_in_was_long_ago(make, sign_in):
    client = sign_in(make.person())
    with client.session_transaction() as cookie:
        cookie["fs_paa"] = 0
    assert "Confirm it is you" in client.get("/change", follow_redirects=True).text


def test_changing_the_password_soon_after_sign_in_shows_the_form(make, sign_in):
    client = sign_in(make.person())
    with client.session_transaction() as cookie:
        cookie["fs_paa"] = time.time()
    page = client.get("/change").text
    assert "New password again" in page
    assert "At least 10 characters" in page


def test_toasts_keep_their_tone_and_undo(app):
    with app.test_request_context():
        flash_success("Saved.")
        flash_undo("Claim withdrawn.", "/records/1/undo")
        toasts = take_toasts()
        assert [(toast.text, toast.tone, toast.undo_url) for toast in toasts] == [
            ("Saved.", "good", None),
            ("Claim withdrawn.", "good", "/records/1/undo"),
        ]


def test_each_icon_is_drawn_once_a_page(app):
    with app.test_request_context():
        assert icon("stars") == icon("stars")
        icon("bell", label="Notices")
        assert icon_symbols().count("<symbol") == 2
        assert "<path" in icon("stars", inline=True)
        assert 'aria-label="Two &#34;x&#34;"' in icon("bell", label='Two "x"')


def test_addresses_change_by_argument(app):
    with app.test_request_context("/audit?action=claim_level&page=3&who=a"):
        assert url_with(page=None, who="") == "/audit?action=claim_level"
        assert url_with(format="csv") == "/audit?action=claim_level&page=3&who=a&format=csv"


def test_a_domain_error_stands_beside_its_field(app):
    with app.test_request_context(method="POST", data={"name": "x"}):
        form = NameForm()
        form.validate()
        add_error(form, InvalidInputError("That code is taken.", field="code"))
        add_error(form, InvalidInputError("Something else.", field="unknown"))
        assert form.code.errors == ["That code is taken."]
        assert form.form_errors == ["Something else."]


def test_a_field_ties_its_error_and_help_to_the_control(app):
    template = '{% from "macros/forms.html" import field %}{{ field(form.name, help="As people say it.") }}'
    with app.test_request_context(method="POST"):
        form = NameForm()
        form.validate()
        html = render_template_string(template, form=form)
    assert 'aria-describedby="name-help name-error"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="name-error"' in html
    assert "Give it a name." in html


def test_the_loser_of_a_race_sees_what_changed(app):
    template = '{% from "macros/forms.html" import conflict_note %}{{ conflict_note(conflict) }}'
    differences = (Difference("Name", before="Old", theirs="<New>", yours="Mine"),)
    conflict = Conflict("Somebody was faster.", differences, name="Kim", at=NOW, zone="Europe/Berlin")
    with app.test_request_context():
        html = render_template_string(template, conflict=conflict)
    assert "Somebody was faster." in html
    assert "Saved by Kim, 23 Nov 2026, 10:00." in html
    assert "<mark>&lt;New&gt;</mark>" in html
    assert "<mark>Mine</mark>" in html


def test_a_table_offers_sorting_columns_csv_and_pages(app):
    template = """{% from "macros/tables.html" import data_table %}
        {% call(row) data_table("t", columns, rows, caption="Things", csv="/x.csv", page=page) %}
        <tr><th scope="row">{{ row }}</th></tr>{% endcall %}"""
    columns = [Column("Name", sort="name"), Column("Size", numeric=True), Column("Note", hidden=True)]
    with app.test_request_context("/audit?sort=name"):
        html = render_template_string(template, columns=columns, rows=["a", "b"], page=Page(number=2, size=2, total=5))
    assert 'aria-sort="ascending"' in html
    assert "sort=-name" in html
    assert "table-data hide-3" in html
    assert "3–4 of 5" in html
    assert "/x.csv" in html


def test_an_empty_table_says_what_to_do(app):
    template = """{% from "macros/tables.html" import data_table %}
        {% call(row) data_table("t", columns, [], caption="Things",
        empty=("No things", "Add one.", "inbox", "Add", "/add")) %}{% endcall %}"""
    with app.test_request_context("/audit"):
        html = render_template_string(template, columns=[Column("Name")])
    assert "No things" in html
    assert 'href="/add"' in html
    assert "<table" not in html


def test_a_figure_comes_with_its_table_and_downloads(app):
    template = '{% from "macros/figures.html" import figure %}{{ figure(shown, "/plans/1/demand") }}'
    with app.test_request_context():
        html = render_template_string(template, shown=FIGURE)
    assert 'alt="Demand exceeds capacity at 11:00."' in html
    assert "/plans/1/demand?format=svg&amp;theme=dark" in html
    assert '<td class="num">30.5</td>' in html


@pytest.mark.parametrize(
    ("query", "kind", "start"),
    [
        ("", "image/svg+xml", b"<svg"),
        ("theme=dark", "image/svg+xml", b"<svg"),
        ("format=png", "image/png", b"\x89PNG"),
        ("format=csv", "text/csv", b"\xef\xbb\xbfinterval,minutes"),
    ],
)
def test_a_view_answers_with_the_figure_as_asked(app, query, kind, start):
    with app.test_request_context(f"/?{query}"):
        answer = figures.respond(FIGURE)
    assert answer.mimetype == kind
    assert answer.get_data().startswith(start)


def test_a_figure_that_did_not_change_is_not_sent_again(app):
    with app.test_request_context("/"):
        etag = figures.respond(FIGURE).headers["ETag"]
    with app.test_request_context("/", headers={"If-None-Match": etag}):
        assert figures.respond(FIGURE).status_code == 304
