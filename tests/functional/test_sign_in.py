"""Signing in, failing to, and pages that are not open to everybody."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.factories import Make
from webapp.models import Role


@pytest.fixture(scope="module")
def seeded(database, password_hash):
    with database.writing() as session:
        make = Make(session)
        team = make.team(name="Care")
        for email, roles in (("agent@example.test", [Role.AGENT]), ("admin@example.test", [Role.ADMIN])):
            person = make.person(name=email.partition("@")[0].title(), email=email, team=team, roles=roles)
            session.refresh(person, ["account"])
            assert person.account is not None
            person.account.password = password_hash
        make.commit()


def test_page_before_sign_in_leads_back_after_it(visit):
    """Whoever opens a link from a mail is asked to sign in and then sees what the link promised."""
    visitor = visit()
    visitor.open("/account")

    page = visitor.page
    page.get_by_label("E-mail").fill("agent@example.test")
    page.get_by_label("Password", exact=True).fill("correct horse battery staple")
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{visitor.url}/account")
    visitor.check()


@pytest.mark.parametrize(
    ("email", "password"),
    [("agent@example.test", "wrong password"), ("nobody@example.test", "wrong password"), ("", "")],
)
def test_failed_sign_in_says_so_and_tells_nothing_about_the_account(visit, email, password):
    visitor = visit()
    visitor.open("/login")
    page = visitor.page

    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    expect(page.locator(".field-error, [role=alert]").first).to_be_visible()
    if email:
        expect(page.locator("form")).to_contain_text("do not go together")
    visitor.check_again()


def test_forgotten_password_answers_alike_for_known_and_unknown_addresses(visit):
    visitor = visit()
    answers = []
    for email in ("agent@example.test", "nobody@example.test"):
        visitor.open("/login", check=False)
        visitor.follow("Forgot your password?")
        visitor.page.get_by_label("E-mail").fill(email)
        visitor.press("Send the link")
        expect(visitor.page.get_by_role("status")).to_contain_text("reset your password")
        answers.append(visitor.page.get_by_role("status").inner_text().replace(email, "…"))
        visitor.check_again()

    assert answers[0] == answers[1]


def test_unknown_page_and_page_of_another_role_say_what_to_do(visit):
    visitor = visit("agent@example.test")

    with visitor.expecting(404):
        visitor.open("/no-such-page")
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("There is nothing here")
    with visitor.expecting(403):
        visitor.open("/people")
        expect(visitor.page.get_by_role("heading", level=1)).to_have_text("That is not open to you")


def test_sign_out_ends_the_session_and_the_back_button_shows_nothing(visit):
    visitor = visit("agent@example.test")
    visitor.open("/account", check=False)

    visitor.press("Account of")
    visitor.press("Sign out")
    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()
    visitor.page.go_back()

    expect(visitor.page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_tries_are_limited_for_each_account(visit):
    """After ten tries within a quarter of an hour, even the right password is refused, and the page says why."""
    visitor = visit()
    page = visitor.page
    with visitor.expecting(429):
        for _ in range(11):
            visitor.open("/login", check=False)
            page.get_by_label("E-mail").fill("admin@example.test")
            page.get_by_label("Password", exact=True).fill("not the password")
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_load_state("load")

        expect(page.get_by_role("heading", level=1)).to_have_text("Too many tries")
        visitor.check_again()
