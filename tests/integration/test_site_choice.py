"""Which site a page is about: one's own unless the address names another, and never one outside the viewer's scope."""

from __future__ import annotations

import pytest

from webapp.models import Role

PAGES = ("/board", "/huddle", "/plans", "/scenarios", "/simulations", "/blocks", "/check-ins", "/routing")


@pytest.fixture
def sites(make):
    """Return the scheduler's own site, one more that they serve, and one that they do not."""
    return make.home, make.site(name="Aberdeen"), make.site(name="Zagreb")


@pytest.fixture
def scheduler(make, sites, sign_in):
    own, served, _other = sites
    return sign_in(make.person(site=own, roles=[Role.SCHEDULER], serves=[own, served], is_agent=False))


def test_a_page_is_about_the_viewers_own_site_and_offers_the_others_they_serve(scheduler, sites):
    own, served, other = sites
    for path in PAGES:
        page = scheduler.get(path).text
        assert f'<option value="{own.id}" selected>' in " ".join(page.split()), path
        assert f">{served.name}</option>" in page, path
        assert other.name not in page, path


def test_the_address_chooses_the_site(scheduler, sites):
    _own, served, _other = sites
    for path in PAGES:
        page = scheduler.get(f"{path}?site={served.id}").text
        assert f'<option value="{served.id}" selected>' in " ".join(page.split()), path


def test_a_site_outside_the_scope_does_not_exist(scheduler, sites):
    for path in PAGES:
        assert scheduler.get(f"{path}?site={sites[2].id}").status_code == 404, path


def test_who_serves_one_site_is_offered_no_switch(make, sites, sign_in):
    client = sign_in(make.person(site=sites[0], roles=[Role.SCHEDULER], serves=[sites[0]], is_agent=False))
    for path in PAGES:
        assert "site-switch" not in client.get(path).text, path
