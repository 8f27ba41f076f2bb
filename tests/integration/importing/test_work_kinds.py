"""Engagement types, engagements and forecasts from files: what is new, what differs, what is wrong."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from webapp.models import Engagement, EngagementState, EngagementType, ForecastInterval, ImportKind


def test_engagement_types_take_their_requirements_from_one_cell(make, importing, work):
    report = importing.apply(
        ImportKind.ENGAGEMENT_TYPES,
        "code,name,channel,handle_minutes,requirements\nnew,New,email,12.5,billing>=3; phone >= 1 *0.5 ?\n",
    )

    kind = make.session.scalar(select(EngagementType).where(EngagementType.code == "new"))
    assert report.sound
    assert [
        (r.skill.code, r.level, r.weight, r.preferred) for r in sorted(kind.requirements, key=lambda r: -r.level)
    ] == [
        ("billing", 3, 1.0, False),
        ("phone", 1, 0.5, True),
    ]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("x,X,email,12,billing>3", "not_a_requirement"),
        ("x,X,email,12,billing>=6", "not_a_level"),
        ("x,X,email,12,billing>=2;billing>=3", "listed_twice"),
        ("x,X,email,12,ghost>=2", "unknown_skill"),
        ("x,X,email,0,", "out_of_range"),
        ("x,X,pigeon,12,", "unknown_choice"),
    ],
)
def test_wrong_engagement_types_are_refused(importing, work, codes, row, problem):
    report = importing.check(ImportKind.ENGAGEMENT_TYPES, f"code,name,channel,handle_minutes,requirements\n{row}\n")

    assert [code for _, _, code in codes(report)] == [problem]


def test_spoken_work_is_not_done_twice_at_once(importing, work, codes):
    report = importing.check(
        ImportKind.ENGAGEMENT_TYPES, "code,name,channel,handle_minutes,concurrency\nx,X,voice,5,2\n"
    )

    assert codes(report) == [(2, "concurrency", "impossible_concurrency")]


def test_engagements_come_with_window_owner_and_defaults(make, importing, work):
    report = importing.apply(
        ImportKind.ENGAGEMENTS,
        "external_id,site,type,customer,earliest_at,due_at,owner\n"
        "e1,ber,mail,c1,2026-11-23 08:00,2026-11-23 14:00,p1\n",
    )

    engagement = make.session.scalar(select(Engagement))
    assert report.tallies["engagement"].new == 1
    assert (engagement.priority, engagement.owner.external_id, engagement.state) == (
        3,
        "p1",
        EngagementState.CLASSIFIED,
    )
    assert engagement.latest_at == engagement.due_at == dt.datetime(2026, 11, 23, 13, tzinfo=dt.UTC)


def test_wrong_engagements_are_refused(make, importing, work, codes):
    done = make.engagement(external_id="done", state=EngagementState.DONE)

    report = importing.apply(
        ImportKind.ENGAGEMENTS,
        "external_id,site,type,earliest_at,due_at,latest_at,priority,owner\n"
        "e1,ber,call,2026-11-23 08:00,2026-11-23 14:00,,,\n"
        "e2,ber,mial,2026-11-23 08:00,2026-11-23 14:00,,,\n"
        "e3,ber,mail,2026-11-23 15:00,2026-11-23 14:00,,,\n"
        "e4,ber,mail,2026-11-23 08:00,2026-11-23 14:00,2026-11-23 13:00,,\n"
        "e5,ber,mail,2026-11-23 08:00,2026-11-23 14:00,,6,\n"
        "e6,ber,mail,2026-11-23 08:00,2026-11-23 14:00,,,nobody\n"
        "done,ber,mail,2026-11-23 08:00,2026-11-23 14:00,,,\n",
    )

    assert codes(report) == [
        (2, "type", "live_channel"),
        (3, "type", "unknown_engagement_type"),
        (4, "due_at", "empty_window"),
        (5, "latest_at", "empty_window"),
        (6, "priority", "not_a_priority"),
        (7, "owner", "unknown_person"),
        (8, "external_id", "closed"),
    ]
    assert done.state is EngagementState.DONE


def test_forecast_without_minutes_is_staffed_for_the_service_level(make, importing, work):
    report = importing.apply(ImportKind.FORECAST, "site,type,starts_at,volume\nber,call,2026-11-23 08:00,30\n")

    # 30 contacts × 4 min in 30 min are 4 Erlang; 80 % within 20 s takes 7 agents: 210 minutes.
    interval = make.session.scalar(select(ForecastInterval))
    assert report.tallies["forecast_interval"].new == 1
    assert (interval.length_minutes, interval.minutes) == (30, pytest.approx(210.0))


def test_forecast_of_work_that_can_wait_is_refused(importing, work, codes):
    report = importing.check(
        ImportKind.FORECAST,
        "site,type,starts_at,volume\n"
        "ber,mail,2026-11-23 08:00,3\nber,ghost,2026-11-23 08:00,3\n"
        "ber,call,2026-11-23 08:00,3\nber,call,2026-11-23 07:00Z,3\n",
    )

    assert [code for _, _, code in codes(report)] == ["not_live", "unknown_engagement_type", "duplicate_key"]
