"""What another policy would have done yesterday, from the contacts, shifts and levels that the database holds."""

from __future__ import annotations

import datetime as dt
import json

import numpy as np
import pytest
from sqlalchemy import select

from optimizer.hindsight import bound_value
from tests.factories import NOW, TODAY
from webapp.errors import InvalidInputError, NotFoundError
from webapp.jobs import load_bodies
from webapp.jobs.executor import Executor
from webapp.models import AuditEvent, Channel, Contact, ContactOutcome, Job, JobState, Role, Simulation
from webapp.services import jobs, simulated_days, simulating
from webapp.services.planning import policy_editing
from webapp.services.simulating import SimulationRequest

YESTERDAY = TODAY - dt.timedelta(days=1)
OPENS = NOW - dt.timedelta(days=1)
MINUTE = dt.timedelta(minutes=1)
FEW = SimulationRequest(policies=("longest-idle", "best-skill"), seeds=2)


@pytest.fixture
def site(make):
    return make.site(code="harbour", name="Harbour")


@pytest.fixture
def billing(make):
    return make.skill(name="Billing", code="billing")


@pytest.fixture
def calls(make, billing):
    return make.engagement_type(name="Calls", channel=Channel.VOICE, requires={billing: 2}, handle_minutes=10.0)


@pytest.fixture
def crew(make, site, billing):
    """Ana and Bo worked yesterday for two hours from NOW's time of day on."""
    team = make.team(site=site)
    people = [make.person(name=name, team=team) for name in ("Ana", "Bo")]
    for person in people:
        make.shift(person, starts_at=OPENS, hours=2)
        make.record(person, billing, 3)
    return people


@pytest.fixture
def gave_up(make, calls, site):
    def build(arrived_at, wait_seconds):
        contact = make.contact(calls, arrived_at, 1, site_id=site.id, wait_seconds=wait_seconds)
        contact.outcome, contact.served_at, contact.ended_at = ContactOutcome.ABANDONED, None, None
        make.session.flush()
        return contact

    return build


@pytest.fixture
def day(make, crew, calls, site, gave_up):
    """Twelve calls served after a wait of 10 seconds, for ten minutes each, and one that gave up after 300."""
    for number in range(12):
        make.contact(calls, OPENS + number * 9 * MINUTE, 10, site_id=site.id, wait_seconds=10, person_id=crew[0].id)
    gave_up(OPENS + 20 * MINUTE, 300)


def read(make, site, day_on=YESTERDAY):
    return simulated_days.read_day(make.session, site, day_on, target_seconds=20)


def test_a_day_holds_what_the_log_tells(make, site, day, calls):
    found = read(make, site)

    assert found.inputs["contacts"] == 13
    assert found.inputs["agents"] == 2
    assert found.inputs["as_logged"] == {
        "service_level": pytest.approx(12 / 13),
        "abandonment": pytest.approx(1 / 13),
        "wait_seconds": pytest.approx((12 * 10 + 300) / 13),
    }
    served = [each for each in found.contacts if not each.gave_up]
    assert {each.handled_seconds for each in served} == {600.0}
    assert [each.arrived_at for each in served][:2] == [served[0].arrived_at, served[0].arrived_at + 540.0]
    assert {each.class_ for each in found.contacts} == {str(calls.id)}


def test_without_a_plan_contacts_are_worth_what_the_policy_of_the_site_says(make, site, day, calls):
    """Customer first lets live contacts compete at priority 5, where they otherwise have 4."""

    def worth():
        return [each.value_per_minute for each in read(make, site).problem.forecast]

    before = worth()
    policy_editing.set_default(make.session, site, "customer-first", by=make.actor())

    assert before == pytest.approx([calls.value * 4 / calls.handle_minutes])
    assert worth() == pytest.approx([calls.value * 5 / calls.handle_minutes])


def test_patience_is_total_wait_over_those_who_gave_up(make, site, day, calls):
    # 12 × 10 + 300 = 420 seconds of waiting, one who gave up.
    assert read(make, site).patience_seconds == {str(calls.id): pytest.approx(420.0)}


def test_where_nobody_gave_up_nobody_does(make, site, crew, calls):
    make.contact(calls, OPENS, 10, site_id=site.id)

    found = read(make, site)

    assert found.patience_seconds == {str(calls.id): float("inf")}
    assert found.inputs["gave_up_before"] == 0
    assert simulated_days.draw(found, 1)[0].patience_seconds == float("inf")


def test_draws_change_only_what_the_log_does_not_tell(make, site, day):
    found = read(make, site)

    one, again, two = (simulated_days.draw(found, seed) for seed in (1, 1, 2))

    assert one == again
    assert [call.contact for call in one] == [call.contact for call in two]
    assert [call.handle_seconds for call in one] == [call.handle_seconds for call in two]
    given_up = {each.id for each in found.contacts if each.gave_up}
    for first, second in zip(one, two, strict=True):
        if first.contact.id in given_up:
            assert first.patience_seconds == second.patience_seconds == 300.0
        else:
            assert first.patience_seconds != second.patience_seconds
            assert first.patience_seconds >= 10.0


def test_who_served_a_contact_changes_nothing(make, site, day, crew):
    """Handle time belongs to the contact and its type, never to a person."""
    before = simulating.simulate(read(make, site), FEW)
    for contact in make.session.scalars(select(Contact)):
        contact.person_id = crew[1].id
    make.session.flush()

    assert simulating.simulate(read(make, site), FEW) == before


def test_absent_agents_are_not_there(make, site, day, crew):
    make.absence(crew[1], OPENS - MINUTE, OPENS + 180 * MINUTE)

    assert read(make, site).inputs["agents"] == 1


def test_contacts_of_other_days_and_sites_are_left_out(make, site, day, calls):
    make.contact(calls, NOW, 10, site_id=site.id)
    make.contact(calls, OPENS, 10, site_id=make.site(name="Far").id)

    assert read(make, site).inputs["contacts"] == 13


def test_without_a_plan_prices_are_found_anew_from_the_forecast(make, site, day, calls):
    for number in range(4):
        make.forecast(calls, OPENS + number * 30 * MINUTE, 200.0, site=site)

    found = read(make, site)
    priced = simulated_days.with_prices(found)

    assert found.inputs["prices"] == "live"
    assert not found.desk.price.any()
    # Two agents offer 60 minutes in each half hour, of which 200 are asked for: a minute more is worth something.
    assert priced.desk.price.max() > 0


def test_without_a_forecast_the_days_before_price_the_day(make, site, day, calls):
    for number in range(40):
        make.contact(calls, OPENS - dt.timedelta(days=7) + number * 2 * MINUTE, 10, site_id=site.id)

    found = read(make, site)

    assert found.inputs["prices"] == "live"
    assert simulated_days.with_prices(found).desk.price.max() > 0
    assert not make.session.new


def test_with_nothing_to_go_by_time_costs_nothing(make, site, day):
    found = read(make, site)

    assert found.inputs["prices"] == "none"
    assert simulated_days.with_prices(found) is found


def test_nothing_known_of_the_day_is_said(make, site, crew, calls):
    with pytest.raises(InvalidInputError, match=r"No contacts are known at Harbour.*Import a call log"):
        read(make, site)


def test_nobody_on_shift_is_said(make, site, calls):
    make.contact(calls, OPENS, 10, site_id=site.id)

    with pytest.raises(InvalidInputError, match="Nobody was on shift at Harbour"):
        read(make, site)


def test_a_result_holds_every_policy_with_intervals(make, site, day):
    found = read(make, site)
    told = []

    result = simulating.simulate(found, FEW, report=lambda share, figures: told.append((share, figures["of"])))

    assert result is not None
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    idle, skill = simulating.lines(result)
    assert (idle.policy, skill.policy) == FEW.policies
    assert idle.beside is None
    assert 0 < skill.share.mean <= 1
    assert set(idle.measures) == set(simulating.MEASURES)
    assert idle.measures["tone_value"] == idle.measures["value"]
    assert told == [(0.0, 4), (0.25, 4), (0.5, 4), (0.75, 4)]
    bounds = [bound_value(found.problem, found.desk, simulated_days.draw(found, seed)) for seed in (1, 2)]
    assert result["hindsight"]["mean"] == pytest.approx(np.mean(bounds))


def test_who_cancels_gets_nothing(make, site, day):
    assert simulating.simulate(read(make, site), FEW, should_cancel=lambda: True) is None


def test_the_same_seed_gives_the_same_result(make, site, day):
    found = read(make, site)

    assert simulating.simulate(found, FEW) == simulating.simulate(found, FEW)


def test_equal_agents_make_policies_differ_by_chance_alone(make, site, day):
    result = simulating.simulate(read(make, site), FEW)

    assert result is not None
    assert "Best skill beside longest idle: all differences are smaller than chance." in simulating.conclude(
        result, target_seconds=20
    )


def an_interval(mean, half_width):
    return {"mean": mean, "half_width": half_width}


def a_result(**beside):
    measures = {name: an_interval(1.0, 0.0) for name in simulating.MEASURES}
    return {
        "baseline": "longest-idle",
        "hindsight": an_interval(100.0, 1.0),
        "policies": {
            "longest-idle": {"measures": measures, "share": an_interval(0.88, 0.004), "beside": None},
            "bid-price": {"measures": measures, "share": an_interval(0.90, 0.004), "beside": beside},
        },
    }


def test_what_is_more_than_chance_is_said_in_words():
    result = a_result(
        value=an_interval(0.021, 0.004), service_level=an_interval(-0.034, 0.01), abandonment=an_interval(0.001, 0.002)
    )

    best, sentence = simulating.conclude(result, target_seconds=30)

    assert best == (
        "Bid price reached 90.0 % of what somebody could have who knew every call before, more than any other policy."
    )
    assert sentence == (
        "Bid price beside longest idle: 2.1 ± 0.4 % more value, 3.4 ± 1.0 points fewer answered within 30 seconds; "
        "other differences are smaller than chance."
    )


def test_overlapping_intervals_leave_it_open():
    nothing = an_interval(0.0, 0.01)
    result = a_result(value=nothing, service_level=nothing, abandonment=nothing)
    result["policies"]["longest-idle"]["share"] = an_interval(0.895, 0.004)

    assert (
        "overlaps with that of longest idle: which is better is open"
        in simulating.conclude(result, target_seconds=20)[0]
    )


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (SimulationRequest(policies=()), "policies"),
        (SimulationRequest(policies=("chance",)), "policies"),
        (SimulationRequest(seeds=1), "seeds"),
        (SimulationRequest(seeds=101), "seeds"),
        (SimulationRequest(target_seconds=0), "target_seconds"),
    ],
)
def test_a_wrong_request_is_refused(request_, field):
    with pytest.raises(InvalidInputError) as refused:
        simulating.check(request_)

    assert refused.value.field == field


def test_today_is_not_over(make, site, day):
    with pytest.raises(InvalidInputError, match="days that have ended"):
        simulating.request_simulation(make.session, site, TODAY, request=FEW, by=make.actor(make.person()))


@pytest.fixture
def executor(database, clock):
    load_bodies()
    return Executor(database, clock)


@pytest.fixture
def scheduler(make, site):
    return make.person(site=site, roles=[Role.SCHEDULER])


@pytest.fixture
def simulation(make, site, day, scheduler):
    return simulating.request_simulation(make.session, site, YESTERDAY, request=FEW, by=make.actor(scheduler))


def test_a_job_simulates_and_keeps_the_result(make, database, simulation, executor):
    simulation_id = simulation.id
    make.commit()

    assert executor.run_once()

    with database.reading() as session:
        kept = session.get_one(Simulation, simulation_id)
        assert kept.job.state is JobState.DONE
        assert kept.inputs["contacts"] == 13
        assert set(kept.result["policies"]) == set(FEW.policies)
        actions = session.scalars(select(AuditEvent.action).where(AuditEvent.subject_kind == "simulation")).all()
        assert sorted(actions) == ["finish_simulation", "request_simulation"]


def test_a_cancelled_job_keeps_nothing(make, database, simulation, executor):
    simulation_id, job_id = simulation.id, simulation.job_id
    jobs.request_cancel(make.session, make.session.get_one(Job, job_id))
    make.commit()

    executor.run_once()

    with database.reading() as session:
        assert session.get_one(Simulation, simulation_id).result is None
        assert session.get_one(Job, job_id).state is JobState.CANCELLED


def test_other_sites_simulations_are_unknown(make, simulation):
    stranger = make.person(site=make.site(name="Far"), roles=[Role.SCHEDULER])

    with pytest.raises(NotFoundError):
        simulating.get_simulation(make.session, simulation.id, viewer=make.viewer(stranger))
