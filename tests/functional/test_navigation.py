"""Every page, as each role meets it: accessible in light and dark, without a word in the console, within the screen."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.factories.centre import ROLES, email_of


@pytest.fixture(scope="module")
def seeded(published_centre):
    """Serve a small centre whose next day is published."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
@pytest.mark.parametrize("role", ROLES)
def test_every_page_of_the_navigation_is_accessible_and_fits(visit, role, phone):
    """Pages hold no surprise: nothing scrolls sideways, axe finds nothing in light and dark, the console is silent."""
    visitor = visit(email_of(role), phone=phone)
    links = visitor.page.locator(".drawer nav a" if phone else ".sidebar nav a")
    addresses = links.evaluate_all("all => all.map(link => new URL(link.href).pathname)")
    assert len(addresses) >= 4
    for address in addresses:
        # What axe sees hardly depends on the width; agents, who mostly come by phone, are looked at in both.
        visitor.open(address, check=role == "agent" or not phone)
        expect(visitor.page.get_by_role("heading", level=1)).to_have_count(1)
        wide, shown = visitor.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        assert wide <= shown, f"{address} is {wide} pixels wide on a screen of {shown}"
