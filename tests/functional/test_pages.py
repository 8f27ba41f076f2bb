"""The pages behind the lists: one of each kind, accessible in light and dark, without a word in the console."""

from __future__ import annotations

import re

import pytest

from tests.factories.centre import email_of


@pytest.fixture(scope="module")
def seeded(published_centre):
    """Serve a small centre whose next day is published."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("role", ["scheduler", "hr", "lead"])
def test_pages_behind_the_lists_are_accessible(visit, published_centre, role):
    """From each list the first entry is opened, and from there whatever its tabs and buttons lead to."""
    visitor = visit(email_of(role))
    page, day = visitor.page, published_centre.day_on
    starts = {
        "scheduler": [f"/plans?day={day}", "/plans/1", "/engagements", "/types", f"/roster?day={day}"],
        "hr": ["/people", "/people/structure", "/skills", "/careers", f"/profiles/new?day={day}"],
        "lead": ["/reviews", "/heat-map", "/people"],
    }
    for start in starts[role]:
        visitor.open(start)
        found = page.locator("main a[href^='/']:not([download])").evaluate_all(
            "all => all.map(link => link.getAttribute('href'))"
        )
        for address in _one_of_each(found):
            visitor.open(address)


def _one_of_each(addresses):
    """Return the first address of each kind of page; pages that differ by an id or a filter alone look alike."""
    kinds: dict[str, str] = {}
    for address in addresses:
        if "format=" not in address:
            kinds.setdefault(re.sub(r"\d+", "n", address.partition("?")[0]), address)
    return list(kinds.values())
