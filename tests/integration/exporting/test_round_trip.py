"""What goes out comes in again as it was: each kind, in each form, whatever the texts."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.factories import TODAY
from webapp.models import (
    Channel,
    Engagement,
    EngagementState,
    EngagementType,
    ImportKind,
    Interest,
    LinkKind,
    Person,
    Shift,
    ShiftBreak,
    Skill,
    SkillEventKind,
    SkillGroup,
    SkillKind,
    SkillLevelDescription,
    SkillLink,
    SkillSynonym,
    Stance,
    Team,
    TypeRequirement,
)
from webapp.services import records
from webapp.services.log_writing import event_row, write_events
from webapp.services.projection import EVIDENCE_KINDS

AWKWARD = (
    "=1+1",
    "'=1+1",
    "''",
    "'",
    "-5",
    "@x",
    "+x",
    "007",
    "#N/A",
    "TRUE",
    "1e5",
    "a\nb",
    "a\r\nb",
    "a\rb",
    "a;b,c\td",
    '"quoted"',
    "_x000D_",
    "東京 🎧 עברית",
    "\ufeffx",
    "x\x0b\x1fx",
    "null",
    "never",
    "x\ufffex",
    "\\;\\\\",
    "a;b\\",
)
TEXTS = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20).map(str.strip),
)
NAMES = TEXTS.filter(bool)
CODES = st.text("abcXYZ019._-:/'äß東", min_size=1, max_size=12)
MOMENTS = st.datetimes(
    dt.datetime(2025, 1, 1),  # noqa: DTZ001 - hypothesis adds the time zone
    dt.datetime(2026, 11, 22),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)
DAYS = st.dates(dt.date(2000, 1, 1), dt.date(2030, 1, 1))
LATER = st.dates(TODAY + dt.timedelta(days=1), dt.date(2030, 1, 1))
SHARES = st.floats(1e-9, 1.0)
MINUTES = st.floats(0.001, 480.0)
EXAMPLES = settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])

codes = st.lists(CODES, min_size=1, max_size=4, unique=True)


@given(st.data(), codes)
@EXAMPLES
def test_people(journey, make, form, data, ids):
    site_id = make.home.id

    def build():
        team = Team(code="-t", name=data.draw(NAMES), site_id=site_id)
        make.session.add(team)
        make.session.flush()
        for number, external_id in enumerate(ids):
            make.session.add(
                Person(
                    external_id=external_id,
                    name=data.draw(NAMES),
                    email=data.draw(st.sampled_from([None, f"p{number}@example.test"])),
                    site_id=site_id,
                    team_id=data.draw(st.sampled_from([None, team.id])),
                    job_title=data.draw(TEXTS),
                    is_agent=data.draw(st.booleans()),
                    active=data.draw(st.booleans()),
                    hired_on=data.draw(st.none() | DAYS),
                )
            )

    assert len(journey.travel(ImportKind.PEOPLE, form, build)) == len(ids)


@given(st.data(), codes)
@EXAMPLES
def test_skills_with_groups_descriptions_and_links(journey, make, form, data, ids):
    def build():
        group = SkillGroup(code="-g", name=data.draw(NAMES))
        make.session.add(group)
        make.session.flush()
        skills = []
        for code in ids:
            skill = Skill(
                code=code,
                name=data.draw(NAMES),
                kind=data.draw(st.sampled_from(SkillKind)),
                group_id=data.draw(st.sampled_from([None, group.id])),
                description=data.draw(TEXTS),
                half_life_days=data.draw(st.none() | st.integers(1, 1000)),
                certificate_required=data.draw(st.booleans()),
                retired_at=data.draw(st.none() | MOMENTS),
                level_descriptions=[
                    SkillLevelDescription(level=level, text=data.draw(NAMES))
                    for level in data.draw(st.sets(st.integers(1, 5)))
                ],
                synonyms=[SkillSynonym(text=text) for text in data.draw(st.sets(NAMES, max_size=3))],
            )
            make.session.add(skill)
            skills.append(skill)
        make.session.flush()
        if len(skills) > 1:
            skills[-1].merged_into_id = skills[0].id
        for skill, other in itertools.combinations(skills, 2):
            for kind in data.draw(st.sets(st.sampled_from(LinkKind))):
                weight = data.draw(SHARES) if kind is LinkKind.RELATED else 1.0
                make.session.add(SkillLink(skill_id=skill.id, other_id=other.id, kind=kind, weight=weight))

    assert len(journey.travel(ImportKind.SKILLS, form, build)) == len(ids)


def build_pair(make):
    """Return a function that builds two people and two skills."""
    site_id = make.home.id

    def prepare():
        for number in (1, 2):
            make.session.add(Person(external_id=f"p{number}", name=f"P{number}", site_id=site_id))
            make.session.add(Skill(code=f"s{number}", name=f"S{number}", kind=SkillKind.TOOL, description=""))
        make.session.flush()

    return prepare


def ids_of(make, model, name):
    return [row.id for row in make.session.scalars(select(model).order_by(getattr(model, name)))]


@given(st.data())
@EXAMPLES
def test_records(journey, make, form, data):
    def build():
        rows = [
            event_row(
                person_id,
                skill_id,
                SkillEventKind.PROVISIONAL,
                at=data.draw(MOMENTS),
                author_id=None,
                level=data.draw(st.integers(1, 5)),
                expires_on=data.draw(st.none() | LATER),
            )
            for person_id in ids_of(make, Person, "external_id")
            for skill_id in ids_of(make, Skill, "code")
        ]
        write_events(make.session, rows, importer_id=None)
        records.reproject(make.session, {(row["person_id"], row["skill_id"]) for row in rows}, TODAY)

    assert len(journey.travel(ImportKind.RECORDS, form, build, build_pair(make))) == 4


@given(st.data(), st.integers(1, 12))
@EXAMPLES
def test_log_of_skill_events_with_authors_dates_and_retractions(journey, make, form, data, length):
    def build():
        people, skills = ids_of(make, Person, "external_id"), ids_of(make, Skill, "code")
        rows: list[Any] = []
        for number in range(length):
            kind = data.draw(st.sampled_from(SkillEventKind))
            if kind in {SkillEventKind.RETRACT, SkillEventKind.WITHDRAW} and not rows:
                kind = SkillEventKind.CLAIM
            person_id, skill_id = data.draw(st.sampled_from(people)), data.draw(st.sampled_from(skills))
            retracts = None
            if kind in {SkillEventKind.RETRACT, SkillEventKind.WITHDRAW}:
                retracts = -data.draw(st.integers(1, number))
                person_id, skill_id = (rows[-retracts - 1][name] for name in ("person_id", "skill_id"))
            rows.append(
                event_row(
                    person_id,
                    skill_id,
                    kind,
                    at=data.draw(MOMENTS),
                    author_id=data.draw(st.sampled_from([None, *(other for other in people if other != person_id)])),
                    level=data.draw(st.integers(0, 5)) if kind in EVIDENCE_KINDS | {SkillEventKind.CLAIM} else None,
                    interest=data.draw(st.sampled_from(Interest)) if kind is SkillEventKind.INTEREST else None,
                    count=data.draw(st.none() | st.integers(0, 10**9)),
                    expires_on=data.draw(st.none() | DAYS),
                    note=data.draw(TEXTS),
                    source=data.draw(TEXTS),
                    link=data.draw(TEXTS),
                    retracts_id=retracts,
                )
            )
        # Events that are alike in everything are events all the same.
        write_events(make.session, [*rows, {**rows[0], "retracts_id": None}], importer_id=None)

    assert len(journey.travel(ImportKind.SKILL_EVENTS, form, build, build_pair(make))) == length + 1


@given(st.data(), codes)
@EXAMPLES
def test_shifts_with_breaks_on_the_night_on_which_the_clocks_go_back(journey, make, form, data, ids):
    def build():
        (person_id, _) = ids_of(make, Person, "external_id")
        for number, external_id in enumerate(ids):
            starts_at = dt.datetime(2026, 10, 24, 22, tzinfo=dt.UTC) + dt.timedelta(days=number)
            minutes = sorted(data.draw(st.sets(st.integers(1, 479), max_size=2).filter(lambda found: len(found) != 1)))
            breaks = []
            if minutes:
                first, last = (starts_at + dt.timedelta(minutes=minute) for minute in minutes)
                breaks = [ShiftBreak(starts_at=first, ends_at=last)]
            make.session.add(
                Shift(
                    external_id=external_id,
                    person_id=person_id,
                    starts_at=starts_at,
                    ends_at=starts_at + dt.timedelta(minutes=480),
                    inferred=data.draw(st.booleans()),
                    breaks=breaks,
                )
            )

    assert len(journey.travel(ImportKind.SHIFTS, form, build, build_pair(make))) == len(ids)


@given(st.data(), codes)
@EXAMPLES
def test_engagement_types_with_requirements(journey, make, form, data, ids):
    def build():
        skills = ids_of(make, Skill, "code")
        for code in ids:
            make.session.add(
                EngagementType(
                    code=code,
                    name=data.draw(NAMES),
                    channel=data.draw(st.sampled_from([Channel.EMAIL, Channel.CHAT])),
                    stance=data.draw(st.sampled_from(Stance)),
                    handle_minutes=data.draw(MINUTES),
                    median_handle_minutes=data.draw(st.none() | MINUTES),
                    concurrency=data.draw(st.integers(1, 4)),
                    value=data.draw(st.just(0.0) | st.floats(1e-6, 1000)),
                    active=data.draw(st.booleans()),
                    requirements=[
                        TypeRequirement(
                            skill_id=skill_id,
                            level=data.draw(st.integers(1, 5)),
                            weight=data.draw(st.just(1.0) | st.floats(1e-6, 9.0)),
                            preferred=data.draw(st.booleans()),
                        )
                        for skill_id in data.draw(st.sets(st.sampled_from(skills)))
                    ],
                )
            )

    assert len(journey.travel(ImportKind.ENGAGEMENT_TYPES, form, build, build_pair(make))) == len(ids)


@given(st.data(), codes)
@EXAMPLES
def test_engagements_open_and_ended(journey, make, form, data, ids):
    site_id = make.home.id

    def prepare():
        build_pair(make)()
        for code, active in (("mail", True), ("old", False)):
            make.session.add(
                EngagementType(code=code, name=code, channel=Channel.EMAIL, handle_minutes=5.0, active=active)
            )
        make.session.flush()

    def build():
        (mail, old), people = ids_of(make, EngagementType, "code"), ids_of(make, Person, "external_id")
        for external_id in ids:
            state = data.draw(
                st.sampled_from([EngagementState.CLASSIFIED, EngagementState.DONE, EngagementState.CANCELLED])
            )
            moments = sorted(data.draw(MOMENTS) for _ in range(3))
            make.session.add(
                Engagement(
                    external_id=external_id,
                    site_id=site_id,
                    engagement_type_id=mail if state is EngagementState.CLASSIFIED else old,
                    customer_key=data.draw(TEXTS),
                    subject=data.draw(TEXTS),
                    earliest_at=moments[0],
                    due_at=moments[1],
                    latest_at=moments[2],
                    priority=data.draw(st.integers(1, 5)),
                    minutes=data.draw(st.none() | MINUTES),
                    owner_id=data.draw(st.sampled_from([None, *people])),
                    state=state,
                )
            )

    assert len(journey.travel(ImportKind.ENGAGEMENTS, form, build, prepare)) == len(ids)
