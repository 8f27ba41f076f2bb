"""Policies: versions that never change, presets that edits outlive, defaults of sites, and trials of a weight."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy.orm import Session

from optimizer import solve
from tests.factories import NOW, TODAY, Make
from tests.integration.planning.conftest import Day
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import Policy, Role
from webapp.services.access import PERMISSIONS, Permission
from webapp.services.planning import policies, policy_editing, publish, runs, weight_trials


@pytest.fixture
def admin(make: Make):
    return make.person(roles=[Role.ADMIN], is_agent=False)


@pytest.fixture
def policy(session: Session, make: Make) -> Policy:
    policies.ensure_presets(session, by=make.actor())
    return policies.get_policy(session, "default")


def edit(session, make, policy, **values):
    return policy_editing.save_version(
        session,
        policy,
        values={**policy_editing.values_of(policy), **values},
        reason="Try more growth",
        seen=policy.number,
        by=make.actor(),
    )


def test_schedulers_do_not_edit_the_policies_that_they_publish_by() -> None:
    holders = {role for role, held in PERMISSIONS.items() if Permission.EDIT_POLICIES in held}

    assert holders == {Role.ADMIN}


def test_an_edit_makes_the_next_version_and_leaves_the_old_one(session, make: Make, policy: Policy) -> None:
    before = policy_editing.values_of(policy)

    edited = edit(session, make, policy, weight_growth=2.5, shrinkage=0.2, ladder_later=4.0)

    assert (edited.code, edited.number) == ("default", policy.number + 1)
    assert policy_editing.values_of(policy) == before
    read = policies.optimizer_policy(edited, seed=1, time_limit_seconds=1.0)
    assert (read.weight("growth"), read.price_of("later")) == (2.5, 4.0)
    assert policies.PlanningSettings.of(edited).shrinkage == 0.2
    changed = {each.setting.key: (each.before, each.after) for each in policy_editing.compare_versions(policy, edited)}
    assert changed == {"weight_growth": (1.0, 2.5), "shrinkage": (0.1, 0.2), "ladder_later": (None, 4.0)}


def test_every_number_comes_back_as_it_was_saved(session, make: Make, policy: Policy) -> None:
    values = {
        setting.key: int(setting.least) + 1 if setting.whole else min(setting.most, setting.least + 0.5)
        for setting in policy_editing.list_settings()
    }

    edited = edit(session, make, policy, **values)

    assert policy_editing.values_of(edited) == values


def test_an_edited_preset_stays_edited(session, make: Make, policy: Policy) -> None:
    edited = edit(session, make, policy, weight_growth=2.5)

    policies.ensure_presets(session, by=make.actor())

    assert policies.get_policy(session, "default").id == edited.id


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("weight_growth", -1.0),
        ("growth_epsilon", 1.5),
        ("mentor_level", 6),
        ("shrinkage", 0.95),
        ("late_share", None),
        ("ladder_later", -1.0),
    ],
)
def test_what_is_out_of_range_names_its_field(session, make: Make, policy: Policy, key: str, value) -> None:
    with pytest.raises(InvalidInputError) as caught:
        edit(session, make, policy, **{key: value})

    assert caught.value.field == key


def test_what_contradicts_itself_is_refused_by_the_optimizers_own_rule(session, make, policy: Policy) -> None:
    with pytest.raises(InvalidInputError) as caught:
        edit(session, make, policy, proactive_share_min=0.5, proactive_share_max=0.1)

    assert caught.value.field == "proactive_share_max"


def test_two_who_edit_at_once_do_not_overwrite_each_other(session, make: Make, policy: Policy) -> None:
    edit(session, make, policy, weight_growth=2.0)

    with pytest.raises(ConflictError):
        edit(session, make, policy, weight_growth=3.0)


def test_an_edit_that_changes_nothing_is_none(session, make: Make, policy: Policy) -> None:
    with pytest.raises(InvalidInputError):
        edit(session, make, policy)


def test_a_retired_policy_is_offered_no_more(session, make: Make, policy: Policy) -> None:
    copy = policy_editing.copy_policy(session, policy, name="Black Friday", reason="", by=make.actor())
    assert "black-friday" in {code for code, _, _ in policies.list_choices(session)}

    policy_editing.retire(session, copy, by=make.actor())

    assert "black-friday" not in {code for code, _, _ in policies.list_choices(session)}
    policy_editing.restore(session, copy, by=make.actor())
    assert "black-friday" in {code for code, _, _ in policies.list_choices(session)}


def test_a_policy_that_a_site_begins_with_cannot_be_retired(session, make: Make, day: Day, policy: Policy) -> None:
    assert policies.default_code(session, day.site) == "default"
    policy_editing.set_default(session, day.site, "calm-day", by=make.actor())
    session.flush()

    assert policies.default_code(session, day.site) == "calm-day"
    for code in ("calm-day", "default"):
        with pytest.raises(ConflictError):
            policy_editing.retire(session, policies.get_policy(session, code), by=make.actor())


def test_use_and_choices_are_counted(session, make: Make, day: Day, policy: Policy, solve_day) -> None:
    solve_day()
    publish.publish_plan(session, solve_day(seed=2), today=TODAY, by=make.actor(day.scheduler))
    viewer = make.viewer(day.scheduler)

    use = policy_editing.count_use(session, since=TODAY, viewer=viewer)[policy.id]
    (choices,) = policy_editing.list_day_choices(session, since=TODAY, viewer=viewer)

    assert (use.runs, use.published) == (2, 1)
    assert (choices.runs, choices.policies, choices.moved) == (2, 1, 0)


class TestTrials:
    LATER = NOW + dt.timedelta(days=2)

    @pytest.fixture
    def published(self, session, make: Make, day: Day, solve_day):
        return publish.publish_plan(session, solve_day(), today=TODAY, by=make.actor(day.scheduler))

    def ask(self, session, make, day, policy, term="stability", at=LATER):
        by = make.actor(day.scheduler, at=at)
        return weight_trials.request_trial(session, day.site, TODAY, policy=policy, term=term, by=by)

    def test_each_weight_has_its_value_and_its_changes(self, session, make, day, policy, published) -> None:
        trial = self.ask(session, make, day, policy)
        problems, answer = weight_trials.load(session, trial)

        points = weight_trials.try_weights(
            problems,
            answer,
            grid=trial.grid,
            report=lambda *_: None,
            should_cancel=lambda: False,
            solve=lambda problem: runs.checked(problem, solve(problem)),
        )

        assert points is not None
        assert [point["weight"] for point in points] == [0.0, 0.5, 1.0, 2.0, 4.0]
        assert {point["served"] for point in points} == {len(answer.assignments)}
        assert all(problem.policy.weight("service") == 1.0 for problem in problems)
        assert [problem.policy.weight("stability") for problem in problems] == trial.grid

    def test_only_days_that_are_over_and_were_planned_are_tried(self, session, make, day, policy, published) -> None:
        with pytest.raises(InvalidInputError) as early:
            self.ask(session, make, day, policy, at=NOW)
        with pytest.raises(InvalidInputError) as unknown:
            self.ask(session, make, day, policy, term="debt")

        assert (early.value.field, unknown.value.field) == ("day", "term")
