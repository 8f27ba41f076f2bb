"""
The authorization matrix: every route × method × principal, generated from the application itself.

Two sites hold the same things. Everything of the far site carries a canary in its names; the principals belong to the
near site. A new route takes part by itself; a new kind of path argument fails the test until the world here knows it.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

import pytest
from flask import url_for

from tests.factories import NOW, TODAY
from tests.factories.intake import connect, send
from webapp.models import (
    ApiToken,
    Assignment,
    Attachment,
    BadgeIssuer,
    BadgeMapping,
    BulkAction,
    BulkActionKind,
    Channel,
    CheckInRule,
    CheckInTrigger,
    ConceptKind,
    Connection,
    ConnectionPreset,
    Deputyship,
    EvaluationCriterion,
    EventKind,
    EvidenceSubmission,
    HiringProfile,
    HuddleNote,
    ImportBatch,
    ImportKind,
    ImportState,
    LinkKind,
    OutgoingEvent,
    Pin,
    Plan,
    PlanRun,
    PlanState,
    Policy,
    Role,
    RoleStep,
    RoutingContact,
    RoutingReservation,
    SavedSearch,
    Scenario,
    Simulation,
    SkillEventKind,
    SkillLink,
    SkillMerge,
    SkillRecord,
    StepKind,
    StretchSlot,
    Swap,
    Taxonomy,
    TaxonomyCode,
    TaxonomyConcept,
    TaxonomyRelease,
    ThreadMessage,
    TokenScope,
    Unassigned,
    WebhookDelivery,
    WebhookSubscription,
    WeightTrial,
)
from webapp.services import access, api_tokens, jobs, notices
from webapp.services.access import DEPUTY_PERMISSIONS, PERMISSIONS
from webapp.services.audit import Actor
from webapp.web.guard import LIBRARY_ENDPOINTS, PUBLIC, declared_permission, declared_scope

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

CANARY = "CANARY-"
# The library's own pages are its own tests' matter; ours are the limits and permissions around them.
SKIPPED = set(LIBRARY_ENDPOINTS)


@dataclass
class World:
    """Two sites; ``far`` maps path arguments to things of the far site, ``shared`` to those of no site."""

    principals: dict
    permissions: dict
    far: dict
    shared: dict


def _plan_of(make, site, person, *, other, kind, unserved, policy, mark):
    """Build a draft plan of one site with one assignment, one pin and one engagement left out."""
    engagement = make.engagement(kind, site=site, customer_key=f"{mark}customer", subject=f"{mark}subject")
    left = make.engagement(unserved, site=site, customer_key=f"{mark}left", subject=f"{mark}left")
    run = PlanRun(
        site_id=site.id,
        day_on=TODAY,
        starts_at=NOW,
        interval_minutes=30,
        intervals=4,
        policy_id=policy.id,
        time_limit_seconds=5.0,
        gap_target=0.01,
        created_at=NOW,
        status="feasible",
        objective=10.0,
        bound=10.0,
        gap=0.0,
    )
    make.session.add(run)
    make.session.flush()
    plan = Plan(
        run_id=run.id,
        site_id=site.id,
        day_on=TODAY,
        state=PlanState.DRAFT,
        objective=10.0,
        terms={"service": 10.0},
        prices={},
        created_at=NOW,
    )
    make.session.add(plan)
    make.session.flush()
    pin = Pin(
        engagement_id=engagement.id,
        person_id=person.id,
        starts_at=NOW,
        reason=f"{mark}reason",
        created_by_id=other.id,
        created_at=NOW,
    )
    make.session.add(pin)
    make.session.flush()
    assignment = Assignment(
        plan_id=plan.id,
        engagement_id=engagement.id,
        person_id=person.id,
        starts_at=NOW,
        minutes=15.0,
        value=10.0,
        terms={"service": 10.0},
        why={},
        relaxed=[],
        pin_id=pin.id,
    )
    make.session.add_all(
        [assignment, Unassigned(plan_id=plan.id, engagement_id=left.id, cause="no_skill", detail={}, fix=None)]
    )
    make.session.flush()
    return {
        "engagement_id": engagement.id,
        "run_id": run.id,
        "plan_id": plan.id,
        "other_id": plan.id,
        "pin_id": pin.id,
        "assignment_id": assignment.id,
        "profile_id": _profile(make, site, other, mark).id,
        "simulation_id": _simulation(make, site).id,
    }


def _simulation(make, site):
    simulation = Simulation(
        site_id=site.id, day_on=TODAY, policies=["batch"], seeds=2, first_seed=1, target_seconds=20, created_at=NOW
    )
    make.session.add(simulation)
    make.session.flush()
    return simulation


def _scenario(make, site):
    scenario = Scenario(
        site_id=site.id,
        day_on=TODAY,
        name=f"{CANARY}scenario",
        changes=[],
        policy_code="default",
        time_limit_seconds=10.0,
        interval_minutes=30,
        created_at=NOW,
    )
    make.session.add(scenario)
    make.session.flush()
    return scenario


def _trial(make, site, plan_id, policy):
    trial = WeightTrial(
        site_id=site.id,
        day_on=TODAY,
        plan_id=plan_id,
        policy_id=policy.id,
        term="growth",
        grid=[0.0],
        seconds_each=1.0,
        created_at=NOW,
    )
    make.session.add(trial)
    make.session.flush()
    return trial


def _profile(make, site, author, mark):
    profile = HiringProfile(
        name=f"{mark}profile",
        site_id=site.id,
        head_count=1,
        note="",
        basis={},
        created_by_id=author.id,
        created_at=NOW,
    )
    make.session.add(profile)
    make.session.flush()
    return profile


def _check_in_rule(make, far, kind):
    rule = CheckInRule(
        site_id=far.id,
        name=f"{CANARY}rule",
        engagement_type_id=kind.id,
        trigger=CheckInTrigger.NO_CONTACT,
        days=90,
    )
    make.session.add(rule)
    make.session.flush()
    return rule.id


def _routing(make, site, agent, kind):
    contact = RoutingContact(site_id=site.id, external_id=f"{CANARY}c", engagement_type_id=kind.id, arrived_at=NOW)
    make.session.add(contact)
    make.session.flush()
    reservation = RoutingReservation(
        site_id=site.id, contact_id=contact.id, person_id=agent.id, slot=0, share=1.0, made_at=NOW, expires_at=NOW
    )
    make.session.add(reservation)
    make.session.flush()
    return {"contact_id": contact.id, "reservation_id": reservation.id}


def _swap(make, site, agent, other, things):
    swap = Swap(
        site_id=site.id,
        plan_id=things["plan_id"],
        proposer_id=agent.id,
        engagement_id=things["engagement_id"],
        other_id=other.id,
        other_engagement_id=make.engagement(site=site).id,
        reason=f"{CANARY}swap",
        proposed_at=NOW,
    )
    make.session.add(swap)
    make.session.flush()
    return swap.id


def _slot(make, agent, skill):
    slot = StretchSlot(
        person_id=agent.id,
        skill_id=skill.id,
        starts_at=NOW + dt.timedelta(hours=2),
        ends_at=NOW + dt.timedelta(hours=3),
        reason=f"{CANARY}slot",
        chosen_at=NOW,
    )
    make.session.add(slot)
    make.session.flush()
    return slot.id


def _batch(make, site, author, mark):
    batch = ImportBatch(
        kind=ImportKind.ENGAGEMENTS,
        state=ImportState.CHECKED,
        file_name=f"{mark}file.csv",
        file_digest="0" * 64,
        content=b"external_id\n",
        site_id=site.id,
        mapping={},
        options={},
        report={},
        created_by_id=author.id,
        created_at=NOW,
    )
    make.session.add(batch)
    make.session.flush()
    return batch


def _token(make, site, person):
    token = ApiToken(
        person_id=person.id,
        name=f"{CANARY}token",
        secret_hash="0" * 64,
        prefix="ms_far",
        scopes=[],
        site_id=site.id,
        created_at=NOW,
        expires_at=NOW + dt.timedelta(days=1),
    )
    make.session.add(token)
    make.session.flush()
    return token.id


def _intake(make, site, kind):
    """Build a source of work with an event that waits to be sorted, and return its key."""
    source = connect(make, kind=kind, site=site, name=f"{CANARY}source")
    send(make.session, source, id=f"{CANARY}case", text=f"{CANARY}words", customer=f"{CANARY}customer")
    return source.id


def _taxonomy(make):
    """Build what everybody who keeps the catalogue shares: a taxonomy with a release and a concept."""
    taxonomy = Taxonomy(code=TaxonomyCode.ESCO)
    release = TaxonomyRelease(taxonomy=taxonomy, name="1.0", file_name="esco.zip", digest="0" * 64, created_at=NOW)
    make.session.add(release)
    make.session.flush()
    concept = TaxonomyConcept(
        taxonomy_id=taxonomy.id,
        uri="https://taxonomy.example/1",
        kind=ConceptKind.SKILL,
        label="Answering",
        added_in_id=release.id,
    )
    make.session.add(concept)
    make.session.flush()
    return {"code": taxonomy.code.value, "release_id": release.id, "concept_id": concept.id}


def _outgoing(make, site):
    """Build what only admins see, who see all sites: a webhook with a delivery, and a connection."""
    subscription = WebhookSubscription(
        name=f"{CANARY}webhook",
        url="https://hooks.example/",
        secret="",
        kinds=["test"],
        active=False,
        active_since=NOW,
        created_at=NOW,
    )
    event = OutgoingEvent(
        key="1", kind=EventKind.TEST, at=NOW, subject_kind="site", subject_id=site.id, payload={}, fanned_out_at=NOW
    )
    delivery = WebhookDelivery(subscription=subscription, event=event, next_at=NOW, created_at=NOW)
    connection = Connection(
        name=f"{CANARY}connection", preset=ConnectionPreset.CSV, site_id=site.id, created_at=NOW, writes_levels=True
    )
    make.session.add_all([delivery, connection])
    make.session.flush()
    return {"subscription_id": subscription.id, "delivery_id": delivery.id, "connection_id": connection.id}


def _talk(make, things, site, boss, agent):
    """Build what was said on a thread and agreed in a huddle."""
    said = ThreadMessage(
        engagement_id=things["engagement_id"], author_id=boss.id, text=f"{CANARY}talk", at=NOW, key="far"
    )
    agreed = HuddleNote(
        site_id=site.id, day_on=TODAY, text=f"{CANARY}agreed", owner_id=agent.id, author_id=boss.id, at=NOW
    )
    make.session.add_all([said, agreed])
    make.session.flush()
    return {"message_id": said.id, "note_id": agreed.id}


@pytest.fixture
def world(make):
    near, far = make.site(name="Near"), make.site(name=f"{CANARY}site")
    skill, harder = make.skill(name="Billing"), make.skill(name="Disputes")
    kind = make.engagement_type(name="Mail", requires={skill: 2})
    unserved = make.engagement_type(name="Hard mail", requires={harder: 4})
    live = make.engagement_type(name="Call", channel=Channel.VOICE, requires={skill: 1})
    criterion = EvaluationCriterion(
        form="Call", criterion="Greeting", skill_id=skill.id, cuts=[0.2, 0.4, 0.6, 0.8, 0.9], last_seen_at=NOW
    )
    link = SkillLink(skill_id=harder.id, other_id=skill.id, kind=LinkKind.PREREQUISITE, weight=1.0)
    role, next_role = make.service_role(gates={skill: 2}), make.service_role(rung=2)
    step = RoleStep(from_role_id=role.id, to_role_id=next_role.id, kind=StepKind.UP)
    policy = Policy(code="default", number=1, name="Default", settings={}, created_at=NOW)
    merge = SkillMerge(source_id=make.skill().id, target_id=skill.id, at=NOW, undone_at=NOW, moved={})
    make.session.add_all([link, step, policy, criterion, merge])
    make.session.flush()

    near_team, other_team, far_team = (
        make.team(site=near),
        make.team(site=near),
        make.team(site=far, name=f"{CANARY}team"),
    )
    principals = {
        "agent": make.person(team=near_team),
        "lead": make.person(site=near, roles=[Role.LEAD], leads=[near_team]),
        "lead of the other team": make.person(site=near, roles=[Role.LEAD], leads=[other_team]),
        "scheduler": make.person(site=near, roles=[Role.SCHEDULER]),
        "hr": make.person(site=near, roles=[Role.HR]),
        "admin": make.person(site=near, roles=[Role.ADMIN]),
        "deputy": make.person(team=other_team),
    }
    # Today in place of the lead of the near team, and of nobody at the far site.
    make.session.add(
        Deputyship(
            lead_id=principals["lead"].id,
            deputy_id=principals["deputy"].id,
            starts_on=TODAY,
            ends_on=TODAY + dt.timedelta(days=1),
            named_at=NOW,
        )
    )
    make.session.flush()
    far_agent = make.person(team=far_team, name=f"{CANARY}agent", external_id=f"{CANARY}number")
    far_boss = make.person(
        site=far, name=f"{CANARY}boss", roles=[Role.SCHEDULER, Role.HR, Role.LEAD], leads=[far_team], serves=[far]
    )
    record = make.record(far_agent, skill, 3, claimed=4, by=far_boss)
    make.record(principals["agent"], skill, 2)
    shift = make.shift(far_agent)
    absence = make.absence(far_agent, NOW + dt.timedelta(days=2), NOW + dt.timedelta(days=3))
    make.forecast(live, NOW, 60.0, site=far)
    boss = Actor(person_id=far_boss.id, at=NOW)
    deputyship = Deputyship(
        lead_id=far_boss.id,
        deputy_id=far_agent.id,
        starts_on=TODAY,
        ends_on=TODAY + dt.timedelta(days=7),
        named_by_id=far_boss.id,
        named_at=NOW,
    )
    make.session.add(deputyship)
    make.session.flush()
    job = jobs.enqueue(make.session, "plan.solve", {}, by=boss)
    notice = notices.notify(make.session, far_agent.id, kind="test", text=f"{CANARY}notice", by=boss)
    shared = {
        "skill_id": skill.id,
        "type_id": kind.id,
        "role_id": role.id,
        "step_id": step.id,
        "link_id": link.id,
        "kind": "people",
        "change_kind": "away",
        "policy_code": policy.code,
        "format": "csv",
        "form": "csv",
        "day": TODAY.isoformat(),
        "day_on": TODAY.isoformat(),
        "wish": "grow",
        "answer": "agree",
        "other_id": harder.id,
        "criterion_id": criterion.id,
        "preset": "csv",
        "token": "nobodys",
        "merge_id": merge.id,
        "resource_endpoint": "Users",
        "resource_id": "p1",
        "schema_id": "urn:ietf:params:scim:schemas:core:2.0:User",
        "path": "nowhere",
        "state": "available",
        "identity_id": 1,
    }
    things = _plan_of(make, far, far_agent, other=far_boss, kind=kind, unserved=unserved, policy=policy, mark=CANARY)
    submission = EvidenceSubmission(
        person_id=far_agent.id,
        skill_id=skill.id,
        kind=SkillEventKind.CERTIFICATE,
        level=3,
        title=f"{CANARY}certificate",
        created_at=NOW,
    )
    attachment = Attachment(
        person_id=far_agent.id,
        file_name=f"{CANARY}file.pdf",
        content_type="application/pdf",
        digest="0" * 64,
        content=CANARY.encode(),
        created_at=NOW,
    )
    issuer = BadgeIssuer(name="Academy", identifiers=["https://academy.example"], keys=[], revoked=[])
    make.session.add_all([submission, attachment, issuer])
    make.session.flush()
    search = SavedSearch(
        owner_id=far_boss.id, name=f"{CANARY}search", query=f"skill={skill.id}", shared=True, created_at=NOW
    )
    action = BulkAction(
        kind=BulkActionKind.ASK_TO_CONFIRM, skill_id=skill.id, by_id=far_boss.id, at=NOW, rows=[notice.id]
    )
    make.session.add_all([search, action])
    make.session.flush()
    issuer.mappings.append(BadgeMapping(achievement_key="https://academy.example/1", skill_id=skill.id, level=3))
    make.session.flush()
    shared |= {"issuer_id": issuer.id, "mapping_id": issuer.mappings[0].id}
    shared |= _taxonomy(make) | _outgoing(make, far)
    far_things = (
        things
        | _talk(make, things, far, far_boss, far_agent)
        | _routing(make, far, far_agent, kind)
        | {
            "search_id": search.id,
            "action_id": action.id,
            "submission_id": submission.id,
            "attachment_id": attachment.id,
            "colleague_id": far_agent.id,
            "ids": str(things["assignment_id"]),
            "swap_id": _swap(make, far, far_agent, far_boss, things),
            "person_id": far_agent.id,
            "agent_id": far_agent.id,
            "grant_id": far_agent.grants[0].id,
            "site_id": far.id,
            "team_id": far_team.id,
            "record_id": record.id,
            "event_id": make.session.query(SkillRecord).count() + 1,
            "shift_id": shift.id,
            "absence_id": absence.id,
            "slot_id": _slot(make, far_agent, skill),
            "deputyship_id": deputyship.id,
            "job_id": job.id,
            "link": "nobodys-link",
            "notice_id": notice.id,
            "token_id": _token(make, far, far_boss),
            "batch_id": _batch(make, far, far_boss, CANARY).id,
            "source_id": _intake(make, far, kind),
            "number": 1,
            "rerun_id": 1,
            "rule_id": _check_in_rule(make, far, kind),
            "scenario_id": _scenario(make, far).id,
            "trial_id": _trial(make, far, things["plan_id"], policy).id,
        }
    )
    permissions = {
        name: set().union(*(PERMISSIONS[grant.role] for grant in person.grants)) for name, person in principals.items()
    }
    permissions["deputy"] |= DEPUTY_PERMISSIONS
    return World(principals, permissions, far_things, shared)


@pytest.fixture
def signed_in(world, sign_in):
    return {name: sign_in(person) for name, person in world.principals.items()}


def _routes(app):
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in SKIPPED and not rule.rule.startswith(("/api/", "/scim/")):
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                yield rule, method


def _operations(app, prefix="/api/"):
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(prefix) and declared_permission(app, rule.endpoint) != PUBLIC:
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule, method


@pytest.fixture
def programs(app, make, world):
    """Return a function that returns a client with a token of a principal."""

    def _program(name, scopes=tuple(TokenScope), *, site_id=None):
        person = world.principals[name]
        _, secret = api_tokens.create_token(
            make.session,
            person,
            name="Matrix",
            scopes=scopes,
            site_id=site_id,
            expires_on=TODAY,
            viewer=access.get_viewer(make.session, person.id),
            by=Actor(person_id=person.id, at=NOW),
        )
        make.commit()
        client = app.test_client(use_cookies=False)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {secret}"
        return client

    return _program


def _call(client, method, address, **options):
    if method not in {"GET", "DELETE"}:
        options["json"] = {}
    return client.open(address, method=method, headers={"If-Match": '"seen"'}, **options)


def _address(app, rule, values):
    missing = rule.arguments - set(values)
    assert not missing, f"{rule.rule}: say in the world of this test what {sorted(missing)} of the far site are"
    with app.test_request_context():
        return url_for(rule.endpoint, **{name: values[name] for name in rule.arguments})


def test_nobody_uses_a_route_without_its_permission(app, world, signed_in):
    leaks = []
    anonymous = app.test_client()
    for rule, method in _routes(app):
        permission = declared_permission(app, rule.endpoint)
        if permission == PUBLIC:
            continue
        address = _address(app, rule, world.shared | world.far)
        answer = anonymous.open(address, method=method)
        if answer.status_code not in {302, 401} or (answer.status_code == 302 and "/login" not in answer.location):
            leaks.append(("anonymous", method, address, answer.status_code))
        for name, held in world.permissions.items():
            if permission not in held:
                answer = signed_in[name].open(address, method=method)
                if answer.status_code != 403:
                    leaks.append((name, method, address, answer.status_code))

    assert leaks == [], "\n".join(map(str, leaks))


def test_things_of_another_site_answer_like_unknown_ones(app, world, signed_in):
    leaks = []
    for rule, method in _routes(app):
        permission = declared_permission(app, rule.endpoint)
        if not rule.arguments & set(world.far) or permission == PUBLIC:
            continue
        address = _address(app, rule, world.shared | world.far)
        for name, held in world.permissions.items():
            if name == "admin" or permission not in held:
                continue
            answer = signed_in[name].open(address, method=method)
            if answer.status_code != 404 or CANARY in answer.text:
                leaks.append((name, method, address, answer.status_code))

    assert leaks == [], "\n".join(map(str, leaks))


def test_lists_searches_and_exports_show_nothing_of_another_site(app, world, signed_in):
    leaks = []
    hints = {
        "q": "CANAR",
        "text": "CANAR",
        "site": world.far["site_id"],
        "site_id": world.far["site_id"],
        "team": world.far["team_id"],
        "team_id": world.far["team_id"],
        "person": world.far["person_id"],
        "day": TODAY.isoformat(),
    }
    for rule, method in _routes(app):
        permission = declared_permission(app, rule.endpoint)
        if method != "GET" or rule.arguments & set(world.far) or permission == PUBLIC:
            continue
        for name, held in world.permissions.items():
            if name == "admin" or permission not in held:
                continue
            for query in ({}, hints, {"q": "CANAR"}, hints | {"format": "csv"}):
                address = _address(app, rule, world.shared)
                answer = signed_in[name].get(address, query_string=query)
                if answer.status_code >= 500 or re.search(CANARY, answer.text):
                    leaks.append((name, address, query, answer.status_code))

    assert leaks == [], "\n".join(map(str, leaks))


def test_no_operation_is_open_to_a_cookie_a_missing_scope_or_a_missing_role(app, world, signed_in, programs):
    leaks = []
    whole = {name: programs(name) for name in world.principals}
    others = {scope: programs("admin", [each for each in TokenScope if each is not scope]) for scope in TokenScope}
    anonymous = app.test_client()
    # The feed of an identity system has errors of its own form; what it shows of other sites, its own tests ask.
    forms = {"application/problem+json", "application/scim+json"}
    for rule, method in (*_operations(app), *_operations(app, "/scim/")):
        permission, scope = declared_permission(app, rule.endpoint), declared_scope(app, rule.endpoint)
        assert scope is not None, f"{rule.rule} declares no scope"
        address = _address(app, rule, world.shared | world.far)
        for who, client, expected in (
            ("anonymous", anonymous, 401),
            ("a cookie", signed_in["admin"], 401),
            ("without scope", others[scope], 403),
            *((name, whole[name], 403) for name, held in world.permissions.items() if permission not in held),
        ):
            answer = _call(client, method, address)
            if answer.status_code != expected or answer.mimetype not in forms or CANARY in answer.text:
                leaks.append((who, method, address, answer.status_code))

    assert leaks == [], "\n".join(map(str, leaks))


def test_operations_on_things_of_another_site_answer_like_unknown_ones(app, world, programs):
    """An empty body may be refused for its shape before anything is looked up, which tells nothing."""
    leaks = []
    near = world.principals["admin"].site_id
    clients = {name: programs(name) for name in world.principals if name != "admin"}
    clients |= {"admin of one site": programs("admin", site_id=near)}
    held = world.permissions | {"admin of one site": world.permissions["admin"] - access.PERMISSIONS_WITHOUT_PLACE}
    for rule, method in _operations(app):
        if not rule.arguments & set(world.far):
            continue
        address = _address(app, rule, world.shared | world.far)
        allowed = {404} if method in {"GET", "DELETE"} else {404, 422}
        for name, client in clients.items():
            if declared_permission(app, rule.endpoint) in held[name]:
                answer = _call(client, method, address)
                if answer.status_code not in allowed or CANARY in answer.text:
                    leaks.append((name, method, address, answer.status_code))

    assert leaks == [], "\n".join(map(str, leaks))


def test_lists_of_the_api_show_nothing_of_another_site(app, world, programs):
    leaks, shown = [], 0
    near = world.principals["admin"].site_id
    clients = {name: programs(name) for name in world.principals if name != "admin"}
    clients |= {"admin of one site": programs("admin", site_id=near)}
    held = world.permissions | {"admin of one site": world.permissions["admin"] - access.PERMISSIONS_WITHOUT_PLACE}
    for rule, method in _operations(app):
        if method != "GET" or rule.arguments & set(world.far):
            continue
        address = _address(app, rule, world.shared)
        for name, client in clients.items():
            if declared_permission(app, rule.endpoint) in held[name]:
                for query in ({}, {"site_id": world.far["site_id"]}, {"person_id": world.far["person_id"]}):
                    answer = client.get(address, query_string=query)
                    shown += len((answer.json or {}).get("items", ()))
                    if answer.status_code not in {200, 422} or CANARY in answer.text:
                        leaks.append((name, address, query, answer.status_code))

    assert leaks == [], "\n".join(map(str, leaks))
    assert shown > 0


def test_signed_out_deactivated_and_demoted_people_are_refused_with_their_next_request(app, make, sign_in):
    """The session's mark changes with the account, and roles are read anew for each request."""
    person, lead = make.person(), make.person(roles=[Role.SCHEDULER])
    client, lead_client = sign_in(person), sign_in(lead)
    assert client.get("/account", follow_redirects=True).status_code == 200
    assert lead_client.get("/types").status_code == 200

    person.account.fs_uniquifier = "another-mark"
    for grant in list(lead.grants):
        make.session.delete(grant)
    make.commit()

    assert client.get("/account").status_code in {302, 401, 308}
    assert lead_client.get("/types").status_code == 403
