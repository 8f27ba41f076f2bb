"""The scenarios of a day side by side with its plan, one of them, and what is done with it as a whole."""

from __future__ import annotations

import datetime as dt

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.blueprints.scenarios.forms import CHANGE_FORMS, ChangeForm, MakeSoForm, ScenarioForm
from webapp.charts.scenario import terms_figure
from webapp.errors import InvalidInputError, NotFoundError
from webapp.forms import add_error
from webapp.models import Scenario, Site
from webapp.services import audit, catalogue
from webapp.services.access import Permission
from webapp.services.planning import policies, scenarios, side_by_side, words
from webapp.services.planning.side_by_side import Difference, Outcome
from webapp.web import figures
from webapp.web.arguments import chosen_day
from webapp.web.guard import requires
from webapp.web.live import watch
from webapp.web.request import actor, current_viewer, get_session, today
from webapp.web.sites import chosen_site, list_sites
from webapp.web.tables import csv_response
from webapp.web.toasts import flash_success, flash_undo

blueprint = Blueprint("scenarios", __name__, url_prefix="/scenarios")


def _site_and_day(permission: Permission = Permission.VIEW_PLANS) -> tuple[Site, dt.date]:
    """Return the site and day that the address names; a person's own site and today by default."""
    site = chosen_site(permission)
    return site, chosen_day(today(site))


def get(scenario_id: int, permission: Permission = Permission.VIEW_PLANS, *, put_away: bool = False) -> Scenario:
    """Return a scenario that the person may see, or work with; one that was put away only where that is said."""
    return scenarios.get_scenario(
        get_session(), scenario_id, viewer=current_viewer(), permission=permission, put_away=put_away
    )


@blueprint.get("")
@requires(Permission.VIEW_PLANS)
def index() -> ResponseReturnValue:
    """Show a day's scenarios and, side by side with its plan, what came out of those that the address chooses."""
    site, day_on = _site_and_day()
    if request.args.get("format") == "csv":
        return _csv(site, day_on)
    return _render_index(site, day_on, ScenarioForm(formdata=None))


def _chosen(found: list[Scenario]) -> list[Scenario]:
    """Return the solved scenarios that the address chooses, by default the newest ones."""
    solved = [each for each in found if each.solved_at is not None]
    wanted = set(request.args.getlist("with", type=int))
    shown = [each for each in solved if each.id in wanted] if wanted else solved
    return shown[-side_by_side.MOST_COLUMNS :]


def _outcomes(site: Site, day_on: dt.date) -> tuple[Outcome | None, list[Outcome]]:
    """Return the plan of a day and the chosen scenarios; whether one found a plan at all is for the caller to ask."""
    session = get_session()
    plan = side_by_side.find_base(session, site, day_on)
    chosen = _chosen(scenarios.list_scenarios(session, site, day_on))
    base = side_by_side.of_plan(session, plan) if plan is not None else None
    return base, [side_by_side.of_scenario(session, each) for each in chosen]


def _columns(base: Outcome | None, chosen: list[Outcome]) -> list[Outcome]:
    """Return what stands side by side: a scenario without a plan has no figures, and none of its zeros is one."""
    return [each for each in (base, *chosen) if each is not None and (each is base or each.answer.has_plan)]


def _render_index(site: Site, day_on: dt.date, form: ScenarioForm, status: int = 200) -> ResponseReturnValue:
    session = get_session()
    found = scenarios.list_scenarios(session, site, day_on)
    watch(*(f"job:{each.job_id}" for each in found if each.job_id is not None), f"plans:{site.id}", pause_seconds=5)
    form.offer(policies.list_choices(session))
    if not form.is_submitted():
        form.policy.data = policies.default_code(session, site)
    base, chosen = _outcomes(site, day_on)
    columns = _columns(base, chosen)
    shown = [each for each in columns if each is not base]
    return (
        render_template(
            "scenarios/index.html",
            site=site,
            day=day_on,
            sites=list_sites(Permission.VIEW_PLANS),
            form=form,
            scenarios=found,
            changes={each.id: scenarios.describe(session, each) for each in found},
            columns=columns,
            base=base,
            shown_ids={each.scenario.id for each in shown if each.scenario is not None},
            planless={each.scenario.id for each in chosen if each.scenario is not None and not each.answer.has_plan},
            differences={each.scenario.id: side_by_side.compare(base, each) for each in shown if each.scenario}
            if base is not None
            else {},
            stale={
                each.scenario.id: scenarios.check_standing(session, each.scenario, today=today(site)).stale
                for each in shown
                if each.scenario is not None
            },
            figure=terms_figure(columns, _term_words(columns)) if shown else None,
            term_words=words.term_words,
            terms=_terms(columns),
        ),
        status,
    )


def _terms(columns: list[Outcome]) -> list[str]:
    terms = dict.fromkeys(term for column in columns for term in column.terms)
    return [term for term in terms if any(abs(column.terms.get(term, 0.0)) >= 0.05 for column in columns)]


def _term_words(columns: list[Outcome]) -> dict[str, str]:
    return {term: words.term_words(term) for column in columns for term in column.terms}


def _csv(site: Site, day_on: dt.date) -> ResponseReturnValue:
    columns = _columns(*_outcomes(site, day_on))
    header = ("figure", *(column.title for column in columns))
    rows: list[tuple[object, ...]] = [
        (name, *(round(getattr(column.figures, name), 4) for column in columns))
        for name in side_by_side.Figures.__dataclass_fields__
    ]
    rows += [(term, *(round(column.terms.get(term, 0.0), 4) for column in columns)) for term in _terms(columns)]
    return csv_response(f"scenarios-{site.code}-{day_on.isoformat()}.csv", header, rows)


@blueprint.get("/figure")
@requires(Permission.VIEW_PLANS)
def figure() -> ResponseReturnValue:
    """Answer with the figure of value by term, side by side."""
    columns = _columns(*_outcomes(*_site_and_day()))
    return figures.respond(terms_figure(columns, _term_words(columns)))


@blueprint.post("")
@requires(Permission.RUN_PLANS)
def add() -> ResponseReturnValue:
    """Keep a new scenario, and go to it."""
    site, day_on = _site_and_day(Permission.RUN_PLANS)
    form = ScenarioForm()
    form.offer(policies.list_choices(get_session()))
    if not form.validate_on_submit():
        return _render_index(site, day_on, form, 422)
    try:
        scenario = scenarios.add_scenario(get_session(), site, day_on, request=form.asked(), by=actor())
    except InvalidInputError as error:
        add_error(form, error)
        return _render_index(site, day_on, form, 422)
    get_session().flush()
    return redirect(url_for(".show", scenario_id=scenario.id))


@blueprint.get("/<int:scenario_id>")
@requires(Permission.VIEW_PLANS)
def show(scenario_id: int) -> ResponseReturnValue:
    """Show a scenario: its changes, how far it is, what came out beside the plan; as a page or as CSV."""
    scenario = get(scenario_id, put_away=True)
    if request.args.get("format") == "csv":
        return _changes_csv(scenario)
    return render_scenario(scenario)


def _held(scenario: Scenario) -> tuple[Outcome | None, Outcome | None, Difference | None]:
    """Return the plan, the outcome of a scenario, and their difference, as far as they exist."""
    session = get_session()
    if scenario.solved_at is None:
        return None, None, None
    plan = side_by_side.find_base(session, scenario.site, scenario.day_on)
    base = side_by_side.of_plan(session, plan) if plan is not None else None
    outcome = side_by_side.of_scenario(session, scenario)
    return base, outcome, side_by_side.compare(base, outcome) if base is not None else None


def render_scenario(
    scenario: Scenario,
    *,
    form: ScenarioForm | None = None,
    change_form: ChangeForm | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """Answer with the page of a scenario."""
    session, site = get_session(), scenario.site
    watch(f"plans:{site.id}", pause_seconds=5)
    if scenario.job_id is not None:
        watch(f"job:{scenario.job_id}")
    base, outcome, difference = _held(scenario)
    columns = [each for each in (base, outcome) if each is not None]
    if form is None:
        form = ScenarioForm(formdata=None, name=scenario.name, policy=scenario.policy_code)
        form.seconds.data = scenario.time_limit_seconds
    form.offer(policies.list_choices(session))
    return (
        render_template(
            "scenarios/show.html",
            scenario=scenario,
            site=site,
            form=form,
            changes=scenarios.describe(session, scenario),
            change_forms=offered_forms(scenario, change_form),
            wrong_kind=change_form.kind if change_form is not None else "",
            standing=scenarios.check_standing(session, scenario, today=today(site)),
            base=base,
            outcome=outcome,
            columns=columns,
            difference=difference,
            agent_name=lambda agent: side_by_side.agent_name(base, outcome, agent) if outcome else agent,
            figure=terms_figure(columns, _term_words(columns)) if outcome is not None else None,
            term_words=words.term_words,
            terms=_terms(columns),
            status_words=words.status_words,
            policy_name=next(
                (name for code, name, _ in policies.list_choices(session) if code == scenario.policy_code),
                scenario.policy_code,
            ),
            history=audit.history(session, scenario),
        ),
        status,
    )


def offered_forms(scenario: Scenario, sent: ChangeForm | None = None) -> list[ChangeForm]:
    """Return a form for each kind of change, the one that was sent with what it said and its errors."""
    session = get_session()
    people = [(person.id, person.name) for person in scenarios.list_people(session, scenario.site)]
    lent = [
        (person.id, person.name if person.site_id == scenario.site_id else f"{person.name}, {person.site.name}")
        for person in scenarios.list_lendable(session, scenario.site, viewer=current_viewer())
    ]
    skills = [(skill.id, skill.name) for skill in catalogue.list_current_skills(session)]
    types = [(kind.id, kind.name) for kind in scenarios.list_live_types(session)]
    found = []
    for kind, make in CHANGE_FORMS.items():
        form = sent if sent is not None and sent.kind == kind else make(formdata=None, prefix=f"{kind}-")
        form.offer(person=people, lent=lent, skill=skills, type=types)
        found.append(form)
    return found


def _changes_csv(scenario: Scenario) -> ResponseReturnValue:
    base, outcome, difference = _held(scenario)
    rows: list[tuple[object, ...]] = []
    if outcome is not None and difference is not None:
        for each in difference.moved:
            places = [
                (side_by_side.agent_name(base, outcome, place[0]), place[1].isoformat()) if place else (None, None)
                for place in (each.before, each.after)
            ]
            name = outcome.names.engagements.get(each.engagement) or (base or outcome).names.engagement(each.engagement)
            rows.append((name, each.kind, *places[0], *places[1], None))
        rows += [
            (outcome.names.engagement(left.engagement), "left_out", None, None, None, None, left.cause)
            for left in difference.left_out
        ]
    header = ("engagement", "change", "agent_before", "starts_at_before", "agent", "starts_at", "cause")
    return csv_response(f"scenario-{scenario.id}.csv", header, rows)


@blueprint.get("/<int:scenario_id>/figure")
@requires(Permission.VIEW_PLANS)
def own_figure(scenario_id: int) -> ResponseReturnValue:
    """Answer with the figure of a scenario's value by term beside the plan's."""
    base, outcome, _ = _held(get(scenario_id, put_away=True))
    columns = [each for each in (base, outcome) if each is not None]
    if not columns:
        raise NotFoundError("This scenario has no result yet.")
    return figures.respond(terms_figure(columns, _term_words(columns)))


@blueprint.post("/<int:scenario_id>/solve")
@requires(Permission.RUN_PLANS)
def solve(scenario_id: int) -> ResponseReturnValue:
    """Queue the solve of a scenario."""
    scenarios.request_solve(get_session(), get(scenario_id, Permission.RUN_PLANS), by=actor())
    return redirect(url_for(".show", scenario_id=scenario_id))


@blueprint.post("/<int:scenario_id>/duplicate")
@requires(Permission.RUN_PLANS)
def duplicate(scenario_id: int) -> ResponseReturnValue:
    """Copy a scenario, and go to the copy."""
    copy = scenarios.duplicate(get_session(), get(scenario_id, Permission.RUN_PLANS, put_away=True), by=actor())
    get_session().flush()
    flash_success("This is the copy; nothing of it is solved yet.")
    return redirect(url_for(".show", scenario_id=copy.id))


@blueprint.post("/<int:scenario_id>/remove")
@requires(Permission.RUN_PLANS)
def remove(scenario_id: int) -> ResponseReturnValue:
    """Put a scenario away."""
    scenario = get(scenario_id, Permission.RUN_PLANS)
    scenarios.remove(get_session(), scenario, by=actor())
    flash_undo(f"{scenario.name} is put away.", url_for(".restore", scenario_id=scenario.id))
    return redirect(url_for(".index", site=scenario.site_id, day=scenario.day_on.isoformat()))


@blueprint.post("/<int:scenario_id>/restore")
@requires(Permission.RUN_PLANS)
def restore(scenario_id: int) -> ResponseReturnValue:
    """Bring a scenario back."""
    scenarios.restore(get_session(), get(scenario_id, Permission.RUN_PLANS, put_away=True), by=actor())
    return redirect(url_for(".show", scenario_id=scenario_id))


@blueprint.get("/<int:scenario_id>/make-so")
@requires(Permission.RUN_PLANS)
def confirm(scenario_id: int) -> ResponseReturnValue:
    """Show what would be done for real."""
    return _render_confirm(get(scenario_id, Permission.RUN_PLANS), MakeSoForm(formdata=None))


def _render_confirm(scenario: Scenario, form: MakeSoForm, status: int = 200) -> ResponseReturnValue:
    making = scenarios.preview_making(get_session(), scenario)
    return (
        render_template("scenarios/make_so.html", scenario=scenario, site=scenario.site, making=making, form=form),
        status,
    )


@blueprint.post("/<int:scenario_id>/make-so")
@requires(Permission.RUN_PLANS)
def make_so(scenario_id: int) -> ResponseReturnValue:
    """Do for real what can be done, and go to the run."""
    scenario, form = get(scenario_id, Permission.RUN_PLANS), MakeSoForm()
    if not form.validate_on_submit():
        return _render_confirm(scenario, form, 422)
    try:
        run = scenarios.make_so(get_session(), scenario, kind=form.chosen(), viewer=current_viewer(), by=actor())
    except InvalidInputError as error:
        add_error(form, error)
        return _render_confirm(scenario, form, 422)
    return redirect(url_for("plans.run", run_id=run.id))
