"""The pages about the ladder, one's own path, who can, and hiring profiles."""

from __future__ import annotations

import re
from contextlib import ExitStack

import pytest
from sqlalchemy import select

from tests.factories import NOW, TODAY
from webapp.models import HiringProfile, Plan, PlanRun, PlanState, Policy, Role, RoleStep, ServiceRole, Unassigned


@pytest.fixture
def hr(make):
    return make.person(name="Hanna HR", roles=[Role.HR], is_agent=False)


@pytest.fixture
def fresh(database):
    """Return a function that reads rows as they are in the database now, beside the session that built them."""
    with ExitStack() as sessions:

        def _fresh(model, *conditions):
            session = sessions.enter_context(database.reading())
            return session.scalars(select(model).where(*conditions)).all()

        yield _fresh


def hidden(answer, name):
    match = re.search(rf'name="{name}"[^>]*value="([^"]*)"', answer.text)
    assert match is not None
    return match[1].replace("&#34;", '"')


def role_form(**values):
    return {"name": "Senior", "rung": 2, "pay_from": 30000, "pay_to": 36000, "currency": "eur", **values}


def test_ladder_is_open_to_everybody_as_picture_table_and_csv(make, sign_in):
    low, high = make.service_role(name="Agent", code="agent"), make.service_role(name="Senior", code="senior", rung=2)
    make.session.add(RoleStep(from_role_id=low.id, to_role_id=high.id))
    client = sign_in(make.person(service_role_id=low.id))

    page = client.get("/careers")

    assert "<svg" in page.text
    assert "your role" in page.text
    assert "Add a role" not in page.text
    assert "up:senior" in client.get("/careers?format=csv").text


def test_ladder_without_roles_says_so(make, sign_in):
    assert "No role yet" in sign_in(make.person()).get("/careers").text


def test_hr_is_told_where_the_way_ends(make, hr, sign_in):
    """The top rung may be an end; a role below it that no step leaves drives people out of service."""
    low, high = make.service_role(name="Agent"), make.service_role(name="Senior", rung=2)
    make.service_role(name="Lonely clerk")
    make.session.add(RoleStep(from_role_id=low.id, to_role_id=high.id))

    page = sign_in(hr).get("/careers")

    note = page.text[page.text.index("The way ends here") :]
    assert "Lonely clerk" in note[: note.index("No step leads on")]
    assert "Agent" not in note[: note.index("No step leads on")]


def test_hr_is_told_which_roles_lead_out_and_which_nobody_reaches(make, hr, sign_in):
    """The stray role stands above the lowest rung, and nothing leads to it."""
    low, sales = make.service_role(name="Agent"), make.service_role(name="Sales", rung=2, outside=True)
    make.service_role(name="Stray", rung=2)
    make.session.add(RoleStep(from_role_id=low.id, to_role_id=sales.id))

    page = sign_in(hr).get("/careers").text

    out, unreached = page.index("The only way up leads out"), page.index("Nobody gets here by steps")
    assert f"/careers/{low.id}/steps" in page[out:unreached]
    assert "Stray" in page[unreached : page.index("No steps lead there")]


def test_sound_ladder_and_agents_see_no_flaws(make, hr, sign_in):
    low, high = make.service_role(name="Agent"), make.service_role(name="Senior", rung=2)
    make.session.add(RoleStep(from_role_id=low.id, to_role_id=high.id))
    assert "To mend on the ladder" not in sign_in(hr).get("/careers").text
    make.service_role(name="Stray", rung=2)

    assert "To mend on the ladder" not in sign_in(make.person()).get("/careers").text
    assert "To mend on the ladder" in sign_in(hr).get("/careers").text


def test_agent_sees_a_role_and_nobody_elses_readiness(make, sign_in):
    billing = make.skill(name="Billing")
    role, other = make.service_role(gates={billing: 3}), make.person(name="Other Agent")
    client = sign_in(make.person())

    page = client.get(f"/careers/{role.id}")

    assert "Billing" in page.text
    assert other.name not in page.text
    assert other.name not in client.get(f"/careers/{role.id}?format=csv").text
    assert client.get("/careers/999").status_code == 404


def test_hr_sees_people_by_readiness_within_the_scope(make, hr, sign_in):
    billing = make.skill(name="Billing", code="billing")
    role = make.service_role(gates={billing: 3})
    make.record(make.person(name="Near"), billing, 2)
    make.person(name="Far", site=make.site())
    client = sign_in(hr)

    page, table = client.get(f"/careers/{role.id}"), client.get(f"/careers/{role.id}?format=csv")

    assert "Near" in page.text
    assert "Far" not in page.text
    assert "billing:2&lt;3" in table.text or "billing:2<3" in table.text


def test_my_path_names_the_next_step_with_its_pay(make, sign_in):
    billing = make.skill(name="Billing")
    low, high = (
        make.service_role(),
        make.service_role(name="Senior", rung=2, gates={billing: 3}, pay_from=41_000, pay_to=45_000),
    )
    make.session.add(RoleStep(from_role_id=low.id, to_role_id=high.id))

    page = sign_in(make.person(service_role_id=low.id)).get("/careers/mine")

    assert "Your next step" in page.text
    assert "41\u202f000" in page.text
    assert "Billing" in page.text
    assert "1 gate unmet" in page.text


def test_my_path_without_ladder_and_at_its_top(make, sign_in):
    ada = make.person()
    assert "There is no ladder yet" in sign_in(ada).get("/careers/mine").text
    ada.service_role_id = make.service_role().id

    assert "no step leads up yet" in sign_in(ada).get("/careers/mine").text


def test_my_path_shows_the_ways_to_a_chosen_role(make, sign_in):
    """Billing 0 → 3 takes 1 + 2 + 3 months, then billing 4 takes 6: 12 in two steps."""
    billing = make.skill(name="Billing")
    low, middle, high = (
        make.service_role(name="Agent"),
        make.service_role(name="Senior", rung=2, gates={billing: 3}),
        make.service_role(name="Principal", rung=3, gates={billing: 4}),
    )
    beside = make.service_role(name="Beside")
    make.session.add_all(
        [RoleStep(from_role_id=low.id, to_role_id=middle.id), RoleStep(from_role_id=middle.id, to_role_id=high.id)]
    )
    client = sign_in(make.person(service_role_id=low.id))

    usual, far, none = (client.get(f"/careers/mine{query}") for query in ("", f"?to={high.id}", f"?to={beside.id}"))

    assert "About 6 months" in " ".join(usual.text.split())
    assert "About 12 months" in " ".join(far.text.split())
    assert "in 2 steps" in " ".join(far.text.split())
    assert "1 month sooner" in " ".join(far.text.split())
    assert "No steps lead from where you are to Beside" in none.text


@pytest.mark.parametrize("to", ["held", "outside", "unknown"])
def test_way_to_no_role_of_service_is_not_found(make, sign_in, to):
    held, outside = make.service_role(), make.service_role(outside=True)
    client = sign_in(make.person(service_role_id=held.id))
    key = {"held": held.id, "outside": outside.id, "unknown": 999}[to]

    assert client.get(f"/careers/mine?to={key}").status_code == 404


def test_hr_has_no_path_of_their_own(hr, sign_in):
    assert sign_in(hr).get("/careers/mine").status_code == 403


def test_role_is_added_with_requirements(make, hr, sign_in, fresh):
    billing = make.skill()
    client = sign_in(hr)
    assert client.get("/careers/new").status_code == 200
    line = {
        "requirements-0-skill_id": billing.id,
        "requirements-0-level": 3,
        "requirements-0-weight": 2,
        "requirements-0-gate": "y",
        "requirements-1-skill_id": "",
        "requirements-1-level": 3,
        "requirements-1-weight": 1,
    }

    odd = client.post("/careers/new", data={**role_form(code="x"), **line, "requirements-0-weight": ""})
    answer = client.post("/careers/new", data={**role_form(code="senior"), **line})

    (role,) = fresh(ServiceRole)
    assert answer.location == f"/careers/{role.id}"
    assert [(row.skill_id, row.level, row.weight, row.gate) for row in role.requirements] == [
        (billing.id, 3, 2.0, True)
    ]
    assert role.currency == "EUR"
    assert odd.status_code == 422
    assert 'id="requirements-error"' in odd.text


def test_line_is_added_without_saving(make, hr, sign_in, fresh):
    billing = make.skill()
    line = {
        f"requirements-{place}-{name}": value
        for place in range(4)
        for name, value in (("skill_id", billing.id), ("level", 3), ("weight", 1))
    }

    answer = sign_in(hr).post("/careers/new", data={**role_form(code="x"), **line, "more": "Add a line"})

    assert answer.status_code == 200
    assert "requirements-5-skill_id" in answer.text
    assert fresh(ServiceRole) == []


def test_wrong_role_is_refused_beside_the_field(hr, sign_in, fresh):
    client = sign_in(hr)

    shape = client.post("/careers/new", data=role_form(code="x", rung="first"))
    rule = client.post("/careers/new", data=role_form(code="x", pay_to=1))

    assert (shape.status_code, rule.status_code) == (422, 422)
    assert 'id="rung-error"' in shape.text
    assert 'id="pay_to-error"' in rule.text
    assert fresh(ServiceRole) == []


def test_role_is_changed_once_and_the_second_editor_told(make, hr, sign_in, fresh):
    role = make.service_role(name="Agent")
    client = sign_in(hr)
    url = f"/careers/{role.id}/edit"
    form = client.get(url)
    mine = {"version": hidden(form, "version"), "seen": hidden(form, "seen")}

    assert client.post(url, data=role_form(**mine)).status_code == 302
    late = client.post(url, data=role_form(**mine, authority="Late"))
    assert client.post(url, data=role_form(version=hidden(late, "version"), currency="12")).status_code == 422

    assert late.status_code == 409
    assert "Senior" in late.text
    assert fresh(ServiceRole)[0].name == "Senior"


def test_steps_are_added_and_removed_and_circles_refused(make, hr, sign_in, fresh):
    low, high = make.service_role(name="Low"), make.service_role(name="High")
    client = sign_in(hr)
    assert client.get(f"/careers/{low.id}/steps").status_code == 200

    added = client.post(f"/careers/{low.id}/steps", data={"to_role_id": high.id, "kind": "up"})
    again = client.post(f"/careers/{low.id}/steps", data={"to_role_id": high.id, "kind": "up"})
    circle = client.post(f"/careers/{high.id}/steps", data={"to_role_id": low.id, "kind": "up"})

    assert (added.status_code, again.status_code, circle.status_code) == (302, 422, 422)
    assert "High → Low" in circle.text or "Low → High" in circle.text
    (step,) = fresh(RoleStep)
    assert client.post(f"/careers/{low.id}/steps/{step.id}/remove").status_code == 302
    assert client.post(f"/careers/{low.id}/steps/{step.id}/remove").status_code == 404


def test_role_is_removed_unless_somebody_holds_it(make, hr, sign_in, fresh):
    held, free = make.service_role(), make.service_role()
    make.person(service_role_id=held.id)
    client = sign_in(hr)

    assert client.post(f"/careers/{held.id}/delete").status_code == 409
    assert client.post(f"/careers/{free.id}/delete").status_code == 302
    assert [role.id for role in fresh(ServiceRole)] == [held.id]


@pytest.mark.parametrize(
    "path", ["/careers/new", "/careers/1/edit", "/careers/1/steps", "/profiles", "/profiles/new", "/who-can"]
)
def test_agent_edits_no_ladder_and_searches_nobody(make, sign_in, path):
    make.service_role()

    assert sign_in(make.person()).get(path).status_code == 403


def test_who_can_stands_in_the_address_as_page_and_csv(make, hr, sign_in):
    billing = make.skill(name="Billing", code="billing")
    ada = make.person(name="Ada", external_id="n1")
    make.record(ada, billing, 3)
    make.shift(ada)
    client = sign_in(hr)
    question = f"/who-can?skill={billing.id}&level=3&on={TODAY}&from=10:00&until=11:00"

    page, table = client.get(question), client.get(question + "&format=csv")

    assert "Ada" in page.text
    assert "09:00–17:00" in page.text
    assert table.text.splitlines()[1] == "n1,Ada,home,,0,3,no,none,09:00,17:00"


def test_blank_and_odd_lines_are_left_out(make, hr, sign_in):
    billing = make.skill()
    make.record(make.person(name="Ada"), billing, 3)

    page = sign_in(hr).get(f"/who-can?skill=&level=2&skill={billing.id}&level=x&skill=y")

    assert "Ada" in page.text


@pytest.mark.parametrize("part", ["from=10:00", "from=ten&until=11:00", "on=tomorrow", "skill=999&level=3"])
def test_wrong_questions_are_answered_with_what_is_wrong(hr, sign_in, part):
    answer = sign_in(hr).get(f"/who-can?{part}")

    assert answer.status_code == 422
    assert 'role="alert"' in answer.text


def test_home_of_hr_shows_the_figures(make, hr, sign_in):
    billing = make.skill(name="Billing")
    make.record(make.person(name="Ada"), billing, 4)

    page = sign_in(hr).get("/who-can")

    assert "Skills with one holder" in page.text
    assert f"skill={billing.id}" in page.text


def test_empty_answer_says_what_to_do(make, hr, sign_in):
    billing = make.skill()

    assert "Nobody can all of this" in sign_in(hr).get(f"/who-can?skill={billing.id}").text


@pytest.fixture
def publish(session, make):
    """Return a function that publishes today's plan of the home site, which leaves the given engagements unassigned."""

    def _publish(*engagements):
        policy = Policy(code="default", number=1, name="Default", settings={}, created_at=NOW)
        session.add(policy)
        session.flush()
        run = PlanRun(
            site_id=make.home.id, day_on=TODAY, starts_at=NOW, interval_minutes=30, intervals=4, policy_id=policy.id,
            time_limit_seconds=5.0, gap_target=0.01, created_at=NOW,
        )  # fmt: skip
        session.add(run)
        session.flush()
        plan = Plan(
            run_id=run.id,
            site_id=make.home.id,
            day_on=TODAY,
            state=PlanState.DRAFT,
            objective=0.0,
            terms={},
            created_at=NOW,
        )
        session.add(plan)
        session.flush()
        for engagement in engagements:
            session.add(Unassigned(plan_id=plan.id, engagement_id=engagement.id, cause="no_skill", detail={}))
        session.flush()
        plan.state = PlanState.PUBLISHED
        session.flush()

    return _publish


@pytest.fixture
def left(make, publish):
    """Publish a plan that leaves one engagement for want of a skill, and return its type."""
    kind = make.engagement_type(name="Hard mail", requires={make.skill(name="Disputes", code="disputes"): 4})
    publish(make.engagement(kind, external_id="e-1"))
    return kind


def test_profile_is_drawn_kept_shown_changed_and_removed(make, hr, left, sign_in, fresh):
    make.record(make.person(name="Shop Sam", is_agent=False), left.requirements[0].skill, 3)
    client = sign_in(hr)
    draft = client.get("/profiles/new")
    assert "Disputes" in draft.text
    assert "Shop Sam" in draft.text
    assert "e-1" in draft.text

    kept = client.post(
        "/profiles/new", data={"name": "Disputes, autumn", "head_count": 2, "note": "From retail first."}
    )
    (profile,) = fresh(HiringProfile)
    assert kept.location == f"/profiles/{profile.id}"
    page = client.get(kept.location)
    assert "From retail first." in page.text
    assert "Shop Sam" in page.text
    assert "e-1" in client.get(f"{kept.location}?format=csv").text
    assert "disputes,Disputes,4,yes,15.0,1,e-1" in client.get("/profiles?format=csv").text
    assert "Disputes, autumn" in client.get("/profiles").text

    url = f"{kept.location}/edit"
    form = client.get(url)
    mine = {"version": hidden(form, "version"), "seen": hidden(form, "seen"), "head_count": 3}
    assert client.post(url, data={**mine, "name": "Renamed"}).status_code == 302
    assert client.post(url, data={**mine, "name": "Late"}).status_code == 409
    again = hidden(client.get(url), "version")
    assert client.post(url, data={"version": again, "name": "Renamed", "head_count": 0}).status_code == 422
    assert fresh(HiringProfile)[0].name == "Renamed"
    assert client.post(f"{kept.location}/delete").status_code == 302
    assert fresh(HiringProfile) == []


def test_wrong_profile_is_refused(hr, left, sign_in, fresh):
    client = sign_in(hr)

    assert 'id="name-error"' in client.post("/profiles/new", data={"name": "", "head_count": 1}).text
    assert client.post("/profiles/new", data={"name": "A", "head_count": 1001}).status_code == 422
    assert fresh(HiringProfile) == []


def test_days_without_plan_and_plans_without_gap_say_so(make, hr, publish, sign_in):
    client = sign_in(hr)
    assert "No published plan" in client.get("/profiles/new").text
    publish()
    client = sign_in(hr)

    assert "The plan served everything" in client.get("/profiles/new").text
    assert "No published plan" in client.get("/profiles/new?day=2026-01-01").text
    assert client.get("/profiles/new?day=soon").status_code == 422
    assert client.get("/profiles/new?site=999").status_code == 404


def test_work_that_asks_for_no_skill_draws_no_profile(make, hr, publish, sign_in):
    publish(make.engagement())

    assert "asks for no skill" in sign_in(hr).get("/profiles/new").text


def test_types_are_chosen_in_the_address(hr, left, sign_in):
    assert "Disputes" in sign_in(hr).get(f"/profiles/new?type={left.id}").text


def test_hr_without_a_site_is_told_so(session, make, sign_in, fresh):
    """A grant without a place holds nowhere."""
    nowhere = make.person(roles=[Role.HR])
    session.refresh(nowhere, ["grants"])
    nowhere.grants[0].site_id = None

    assert "No site to hire for" in sign_in(nowhere).get("/profiles/new").text


def test_profile_of_another_site_is_not_found(session, make, hr, sign_in):
    far = make.site()
    profile = HiringProfile(
        name="Far", site_id=far.id, head_count=1, note="", basis={}, created_by_id=hr.id, created_at=NOW
    )
    session.add(profile)
    session.flush()
    client = sign_in(hr)

    assert client.get(f"/profiles/{profile.id}").status_code == 404
    assert client.get(f"/profiles/{profile.id}/edit").status_code == 404
    assert client.post(f"/profiles/{profile.id}/delete").status_code == 404
