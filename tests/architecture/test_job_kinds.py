"""Every job that can be run has its settings, and no settings are left over for jobs that nobody runs."""

from __future__ import annotations

from webapp.jobs import load_bodies, registry
from webapp.services import job_kinds, schedules


def registered():
    load_bodies()
    # Tests register bodies of their own in the same process.
    return {kind for kind, body in registry._BODIES.items() if body.__module__.startswith("webapp.jobs.")}


def test_every_body_has_an_entry_among_the_kinds_and_every_entry_a_body():
    assert registered() == set(job_kinds.KINDS)


def test_every_kind_has_a_title_of_its_own_and_a_quota():
    titles = [kind.title for kind in job_kinds.KINDS.values()]

    assert all(titles)
    assert len(set(titles)) == len(titles)
    assert {kind.group for kind in job_kinds.KINDS.values()} <= set(job_kinds.DEFAULT_QUOTAS)


def test_everything_that_is_scheduled_has_a_body():
    assert {periodic.kind for periodic in schedules.SCHEDULE} <= registered()
