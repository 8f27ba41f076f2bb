"""Finding a site takes its lock, on PostgreSQL in the same statement; a site that is not one's own is left alone."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from tests.factories.routing import build_floor
from webapp.errors import NotFoundError
from webapp.models import Role
from webapp.services.routing import scoped

LOCKS = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")


@pytest.fixture
def floor(make):
    return build_floor(make)


def locks(session):
    """Count the locks of sites that a transaction holds; SQLite's whole transaction is one, from its beginning."""
    return session.scalar(LOCKS) if session.get_bind().dialect.name == "postgresql" else None


@pytest.mark.parametrize("role", [Role.ADMIN, Role.SCHEDULER])
def test_whoever_routes_a_site_holds_its_lock(make, session, floor, role):
    viewer = make.viewer(make.person(site=floor.site, roles=[role]))

    found = scoped.lock_site_of_code(session, floor.site.code, viewer=viewer)

    assert found == floor.site.id
    assert locks(session) in {None, 1}


@pytest.mark.parametrize("roles", [[Role.SCHEDULER], []])
def test_whoever_does_not_finds_nothing_and_locks_nothing(make, session, floor, roles):
    viewer = make.viewer(make.person(site=make.site(), roles=roles))

    with pytest.raises(NotFoundError):
        scoped.lock_site_of_code(session, floor.site.code, viewer=viewer)

    assert locks(session) in {None, 0}
