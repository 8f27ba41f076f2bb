"""Keeping a "who can" search, and acting on the people whom it found."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.errors import ConflictError, ForbiddenError, InvalidInputError, NotFoundError
from webapp.models import BulkAction, BulkActionKind, Notice, Role, SavedSearch, SkillEvent, SkillEventKind
from webapp.services import bulk_actions, records, saved_searches
from webapp.services.bulk_actions import Course, Skip, Wish

COURSE = Course(name="Refunds basics", completed_on=TODAY - dt.timedelta(days=2), level=2)


class Centre:
    """HR of a site with Ana and Ben, who hold Spanish 3, and Cem, who holds nothing; a scheduler; a stranger."""

    def __init__(self, make):
        self.make, self.session = make, make.session
        self.hr = make.person(name="Hana", roles=[Role.HR])
        self.scheduler = make.person(name="Sven", roles=[Role.SCHEDULER])
        self.ana, self.ben, self.cem = (make.person(name=name) for name in ("Ana", "Ben", "Cem"))
        self.stranger = make.person(name="Zoe", site=make.site())
        self.spanish = make.skill(name="Spanish")
        for person in (self.ana, self.ben):
            make.record(person, self.spanish, 3)

    def wish(self, *people, kind=BulkActionKind.ASK_TO_CONFIRM, **values):
        return Wish(kind=kind, skill_id=self.spanish.id, person_ids=tuple(person.id for person in people), **values)

    def plan(self, wish, *, who=None):
        who = who or self.hr
        return bulk_actions.plan_action(self.session, wish, viewer=self.make.viewer(who), by=self.make.actor(who))

    def carry_out(self, wish, *, who=None, at=NOW):
        who = who or self.hr
        return bulk_actions.carry_out(self.session, wish, viewer=self.make.viewer(who), by=self.make.actor(who, at=at))

    def undo(self, action, *, who=None):
        who = who or self.hr
        return bulk_actions.undo_action(self.session, action.id, viewer=self.make.viewer(who), by=self.make.actor(who))

    def notices(self):
        return self.session.scalars(select(Notice.person_id).order_by(Notice.person_id)).all()


@pytest.fixture
def centre(make):
    return Centre(make)


def save(centre, name="Spanish refunds", query="skill=1&level=3", *, who=None, **values):
    by = centre.make.actor(who or centre.hr)
    return saved_searches.save_search(centre.session, name=name, query=query, by=by, **values)


def test_a_kept_search_holds_what_was_asked_and_nothing_else(centre):
    saved = save(centre, query="skill=7&level=3&skill=&weekday=2&from=13%3A00&until=17%3A00&format=csv&csrf_token=x")

    assert saved.query == "skill=7&level=3&weekday=2&from=13%3A00&until=17%3A00"


def test_a_search_of_the_same_name_is_replaced(centre):
    save(centre, name="Spanish")
    save(centre, name="  spanish ", query="skill=2")

    assert [(s.name, s.query) for s in centre.session.scalars(select(SavedSearch))] == [("spanish", "skill=2")]


def test_others_see_only_what_is_shared(centre):
    save(centre, name="Mine")
    save(centre, name="Ours", shared=True)

    found = saved_searches.list_searches(centre.session, viewer=centre.make.viewer(centre.scheduler))

    assert [search.name for search in found] == ["Ours"]


@pytest.mark.parametrize(
    ("name", "query", "words"),
    [(" ", "skill=1", "Give the search a name"), ("x" * 121, "skill=1", "under 120"), ("All", "site=1", "Ask for a")],
)
def test_a_search_without_name_or_question_is_refused(centre, name, query, words):
    with pytest.raises(InvalidInputError, match=words):
        save(centre, name=name, query=query)


def test_nobody_removes_the_search_of_another(centre):
    saved = save(centre, shared=True)

    with pytest.raises(NotFoundError):
        saved_searches.remove_search(
            centre.session,
            saved.id,
            viewer=centre.make.viewer(centre.scheduler),
            by=centre.make.actor(centre.scheduler),
        )


def test_the_plan_says_who_is_left_out_and_why(centre):
    records.confirm_current(centre.session, centre.ben, skill_id=centre.spanish.id, by=centre.make.actor(centre.ben))

    plan = centre.plan(centre.wish(centre.ana, centre.ben, centre.cem))

    assert [(line.person.name, line.level, line.skip) for line in plan.lines] == [
        ("Ana", 3, None),
        ("Ben", 3, Skip.CONFIRMED_LATELY),
        ("Cem", 0, Skip.NOT_ON_RECORD),
    ]


def test_a_question_reaches_each_person_once_in_thirty_days(centre):
    centre.carry_out(centre.wish(centre.ana))

    with pytest.raises(ConflictError, match="left out"):
        centre.carry_out(centre.wish(centre.ana))
    centre.carry_out(centre.wish(centre.ana), at=NOW + dt.timedelta(days=31))

    assert centre.notices() == [centre.ana.id] * 2


def test_undo_takes_back_what_nobody_has_read(centre):
    action = centre.carry_out(centre.wish(centre.ana, centre.ben))
    read = centre.session.scalar(select(Notice).where(Notice.person_id == centre.ben.id))
    read.read_at = NOW
    centre.session.flush()

    centre.undo(action)

    assert centre.notices() == [centre.ben.id]
    with pytest.raises(ConflictError, match="already"):
        centre.undo(action)


def test_a_course_is_evidence_for_each_and_raises_to_two_at_most(centre):
    action = centre.carry_out(centre.wish(centre.ana, centre.cem, kind=BulkActionKind.RECORD_COURSE, course=COURSE))

    levels = records.levels_on(centre.session, [centre.ana.id, centre.cem.id], TODAY)
    assert levels == {centre.ana.id: {centre.spanish.id: 3}, centre.cem.id: {centre.spanish.id: 2}}
    assert len(action.rows) == 2

    centre.undo(action)

    assert records.levels_on(centre.session, [centre.cem.id], TODAY) == {centre.cem.id: {}}


def test_the_same_course_is_recorded_once_and_never_for_oneself(centre):
    wish = centre.wish(centre.ana, centre.hr, kind=BulkActionKind.RECORD_COURSE, course=COURSE)
    centre.carry_out(wish)

    plan = centre.plan(wish)

    assert {line.person.name: line.skip for line in plan.lines} == {
        "Ana": Skip.ON_RECORD_ALREADY,
        "Hana": Skip.YOURSELF,
    }


@pytest.mark.parametrize(
    ("course", "words"),
    [
        (None, "Name the course"),
        (Course("  ", TODAY, 1), "Name the course"),
        (Course("Basics", TODAY, 3), "level 1 to 2"),
        (Course("Basics", TODAY + dt.timedelta(days=1), 1), "not happened"),
        (Course("Basics", TODAY, 1, expires_on=TODAY), "lapses after"),
    ],
)
def test_a_course_that_cannot_be_is_refused(centre, course, words):
    with pytest.raises(InvalidInputError, match=words):
        centre.plan(centre.wish(centre.ana, kind=BulkActionKind.RECORD_COURSE, course=course))


def test_who_may_not_import_evidence_may_not_record_a_course(centre):
    with pytest.raises(ForbiddenError):
        centre.plan(centre.wish(centre.ana, kind=BulkActionKind.RECORD_COURSE, course=COURSE), who=centre.scheduler)


def test_nobody_acts_on_people_out_of_sight(centre):
    with pytest.raises(NotFoundError):
        centre.carry_out(centre.wish(centre.ana, centre.stranger))

    assert centre.notices() == []


def test_nobody_takes_back_what_another_did(centre):
    action = centre.carry_out(centre.wish(centre.ana))

    with pytest.raises(NotFoundError):
        centre.undo(action, who=centre.scheduler)


def test_hr_keeps_a_search_and_forgets_it_with_a_way_back(centre, sign_in):
    client = sign_in(centre.hr)
    query = f"skill={centre.spanish.id}&level=3&weekday=2&from=13:00&until=17:00"

    kept = client.post("/who-can/searches", data={"name": "Spanish Tuesdays", "query": query}, follow_redirects=True)
    assert "Spanish Tuesdays" in kept.text
    search = centre.session.scalar(select(SavedSearch))
    centre.make.commit()

    gone = client.post(f"/who-can/searches/{search.id}/remove", follow_redirects=True)
    assert "is forgotten" in gone.text
    assert client.get("/who-can").text.count("Spanish Tuesdays") == 0


def test_a_weekday_asks_about_the_next_such_day(centre, sign_in):
    page = sign_in(centre.hr).get(f"/who-can?skill={centre.spanish.id}&level=3&weekday=2")

    # The tests happen on a Monday.
    assert f'value="{(TODAY + dt.timedelta(days=1)).isoformat()}"' in page.text


def test_a_search_for_fresh_levels_leaves_out_those_without_a_sign_of_life(centre, sign_in):
    old = centre.make.person(name="Olga")
    centre.make.record(old, centre.spanish, 4, at=NOW - dt.timedelta(days=400))
    client = sign_in(centre.hr)

    everybody = client.get(f"/who-can?skill={centre.spanish.id}&level=3")
    fresh = client.get(f"/who-can?skill={centre.spanish.id}&level=3&fresh=1")

    assert "Olga" in everybody.text
    assert "not fresh" in everybody.text
    assert "Olga" not in fresh.text


def test_hr_previews_and_records_a_course_for_many(centre, sign_in):
    client = sign_in(centre.hr)
    fields = {
        "skill": centre.spanish.id,
        "people": [centre.ana.id, centre.cem.id],
        "kind": "record_course",
        "course": "Refunds basics",
        "completed_on": "2026-11-20",
        "course_level": "2",
    }

    chosen = client.post("/who-can/actions", data={**fields, "step": "choose"})
    preview = client.post("/who-can/actions", data={**fields, "step": "preview"})
    assert chosen.status_code == preview.status_code == 200
    assert "Do it for 2" in preview.text
    assert centre.session.scalar(select(BulkAction)) is None
    centre.make.commit()

    done = client.post("/who-can/actions", data={**fields, "step": "apply"}, follow_redirects=True)

    assert "Recorded for 2 people" in done.text
    centre.session.expire_all()
    kinds = centre.session.scalars(select(SkillEvent.kind).where(SkillEvent.person_id == centre.cem.id)).all()
    assert kinds == [SkillEventKind.COURSE]


def test_a_course_without_a_name_is_told_beside_the_field(centre, sign_in):
    fields = {
        "skill": centre.spanish.id,
        "people": [centre.ana.id],
        "kind": "record_course",
        "completed_on": "2026-11-20",
        "course_level": "2",
        "step": "apply",
    }

    page = sign_in(centre.hr).post("/who-can/actions", data=fields)

    assert page.status_code == 422
    assert "Name the course." in page.text


def test_choosing_nobody_is_told(centre, sign_in):
    fields = {"skill": centre.spanish.id, "kind": "ask_to_confirm", "step": "preview"}

    page = sign_in(centre.hr).post("/who-can/actions", data=fields)

    assert page.status_code == 422
    assert "Choose somebody first" in page.text


def test_agents_do_not_search(centre, sign_in):
    client = sign_in(centre.ana)

    assert client.post("/who-can/searches", data={"name": "x", "query": "skill=1"}).status_code == 403
    assert client.post("/who-can/actions", data={"skill": 1}).status_code == 403
