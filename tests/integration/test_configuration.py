"""What is set up at one place comes as a file to another: all of it or nothing, the same a second time."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import NOW, Make, badges
from tests.factories.intake import BOX, add_rules, connect
from webapp.cli import console, main
from webapp.db import Database
from webapp.errors import ConflictError, InvalidInputError
from webapp.models import (
    AuditEvent,
    CheckInTrigger,
    Connection,
    ConnectionPreset,
    EvaluationCriterion,
    EventKind,
    IntakeSource,
    LinkKind,
    Policy,
    Skill,
    SkillKind,
    Stance,
    StepKind,
    WebhookSubscription,
)
from webapp.services import (
    audit,
    careers,
    catalogue,
    check_ins,
    configuration,
    engagement_types,
    evaluations,
    evidence_issuers,
    skill_links,
    webhooks,
)
from webapp.services.audit import Actor
from webapp.services.catalogue import SkillEntry
from webapp.services.check_ins import RuleDraft
from webapp.services.configuration import SECTIONS
from webapp.services.connections import keeping
from webapp.services.connections.keeping import ConnectionDraft
from webapp.services.connections.presets import PRESETS
from webapp.services.evaluations import USUAL_CUTS, CriterionEntry
from webapp.services.evidence_issuers import IssuerValues
from webapp.services.intake.classifying import TypeRule
from webapp.services.outgoing import Gate
from webapp.services.planning import policies
from webapp.services.skill_merging.merging import merge_skill
from webapp.services.webhooks import SubscriptionDraft

BY = Actor(person_id=None, at=NOW, channel="cli")
SCHEMAS = {name: section.schema for name, section in SECTIONS.items()}
KEY = badges.new_key("OKP")
SECRET = "a token of the helpdesk that nobody may read"

Sections = dict[str, list[configuration.Entry]]


@contextmanager
def _building(database: Database) -> Iterator[Make]:
    with database.writing() as session:
        make = Make(session)
        yield make
        make.commit()


@pytest.fixture
def production(migrated_sqlite: Path, tmp_path: Path) -> Iterator[Database]:
    """Return another installation, in which there is the site and nothing else."""
    path = tmp_path / "production.db"
    shutil.copy(migrated_sqlite, path)
    database = Database(f"sqlite:///{path}")
    with _building(database) as make:
        make.site(code="harbour", name="Harbour")
    yield database
    database.dispose()


@pytest.fixture
def staging(make: Make) -> Make:
    """Return a builder whose database has something of each section."""
    session = make.session
    site = make.site(code="harbour", name="Harbour")
    _build_skills(make)
    german = session.scalars(select(Skill).where(Skill.code == "german")).one()
    refund = make.engagement_type(code="refund", name="Refund", requires={german: 2})
    call = make.engagement_type(code="check-in", name="Check-in", stance=Stance.PROACTIVE)
    engagement_types.retire_type(session, make.engagement_type(code="fax", name="Fax"), by=BY)
    junior, senior = (make.service_role(code=code, name=code, gates={german: 3}) for code in ("junior", "senior"))
    careers.add_step(session, junior, to_role_id=senior.id, kind=StepKind.UP, by=BY)
    policies.ensure_presets(session, by=BY)
    draft = RuleDraft("After a refund", call.id, CheckInTrigger.AFTER_TYPE, 7, after_type_id=refund.id)
    check_ins.create_rule(session, site, draft=draft, by=BY)
    source = connect(make, site=site, kind=refund, name="Helpdesk", threshold=0.7)
    add_rules(session, source, TypeRule("refund", ("refund", "money*"), none_of=("joke",), weight=2.0))
    zendesk = ConnectionDraft(
        name="Zendesk",
        preset=ConnectionPreset.ZENDESK,
        site_id=site.id,
        base_url="https://staging.zendesk.example",
        account="robot@example.test",
        secrets=dict.fromkeys(PRESETS[ConnectionPreset.ZENDESK].secrets, SECRET),
        person_ids="ana = 42",
        writes_assignees=True,
    )
    keeping.create_connection(session, zendesk, gate=Gate(), box=BOX, by=BY)
    _build_trust(session, german)
    told = SubscriptionDraft("Lake", "https://staging.example/in", [EventKind.PLAN_PUBLISHED, EventKind.JOB_DEAD])
    webhooks.create_subscription(session, told, gate=Gate(), box=BOX, by=BY)
    make.commit()
    return make


def _build_trust(session: Session, german: Skill) -> None:
    criterion = EvaluationCriterion(form="Calls", criterion="Tone of voice", cuts=list(USUAL_CUTS), last_seen_at=NOW)
    session.add(criterion)
    session.flush()
    mapped = CriterionEntry(german.id, cuts=(0.1, 0.3, 0.5, 0.7, 0.95))
    evaluations.map_criterion(session, criterion, mapped, version=criterion.version, by=BY)
    values = IssuerValues("Academy", "https://academy.example/issuer", keys=json.dumps(badges.public(KEY).as_dict()))
    issuer = evidence_issuers.create_issuer(session, values, by=BY)
    evidence_issuers.add_mapping(session, issuer, achievement_key="b2", skill_id=german.id, level=4, by=BY)


def _build_skills(make: Make) -> None:
    session = make.session
    tongues = make.group(code="tongues", name="Languages")
    german = make.skill(code="german", name="German", kind=SkillKind.LANGUAGE, group=tongues)
    entry = SkillEntry(
        code="german",
        name="German",
        kind=SkillKind.LANGUAGE,
        group="Languages",
        description="Spoken and written",
        levels={1: "Greets", 5: "Jokes"},
        synonyms=("Deutsch", "Allemand"),
        half_life_days=900,
    )
    catalogue.edit_skill(session, german, entry, version=german.version, seen={}, by=BY)
    dutch, old, gone = (make.skill(code=code, name=code.title()) for code in ("dutch", "platt", "latin"))
    skill_links.add_link(session, german, other_id=dutch.id, kind=LinkKind.RELATED, weight=0.4, by=BY)
    skill_links.add_link(session, dutch, other_id=gone.id, kind=LinkKind.PREREQUISITE, by=BY)
    merge_skill(session, old, german, by=BY)
    catalogue.retire_skill(session, gone, by=BY)


def _export(database: Database) -> str:
    with database.reading() as session:
        return configuration.render(configuration.export(session))


def _read(text: str) -> Sections:
    return configuration.parse(text, schemas=SCHEMAS)


def _import(database: Database, text: str) -> tuple[configuration.Comparison, list[str]]:
    with database.transaction() as session:
        return configuration.apply(session, _read(text), box=BOX, gate=Gate(), by=BY)


def _changed(text: str, change: Callable[[Any], object]) -> str:
    content = json.loads(text)
    change(content)
    return json.dumps(content)


def test_configuration_of_staging_is_that_of_production_after_an_import(staging, database, production):
    text = _export(database)
    assert {name for name, entries in _read(text).items() if entries} == set(SECTIONS)

    _import(production, text)

    assert _export(production) == text
    with production.reading() as session:
        assert audit.verify_chain(session).broken_at is None


def test_second_import_changes_nothing(staging, database, production):
    text = _export(database)
    _import(production, text)
    with production.reading() as session:
        events = session.scalar(select(func.count(AuditEvent.id)))

    comparison, notes = _import(production, text)

    assert (comparison.changes, comparison.only_here, notes) == ((), (), [])
    with production.reading() as session:
        assert session.scalar(select(func.count(AuditEvent.id))) == events


def test_neither_secrets_nor_people_are_in_the_file(staging, database):
    text = _export(database)

    assert SECRET not in text
    with database.reading() as session:
        source, connection = session.scalars(select(IntakeSource)).one(), session.scalars(select(Connection)).one()
        webhook = session.scalars(select(WebhookSubscription)).one()
    assert webhook.secret not in text
    assert BOX.decrypt(webhook.secret) not in text
    assert source.secret not in text
    assert source.public_id not in text
    assert connection.credentials not in text
    assert connection.person_ids == {"ana": "42"}
    assert '"ana"' not in text


def test_new_systems_begin_switched_off_and_say_what_is_missing(staging, database, production):
    _, notes = _import(production, _export(database))

    assert [note.partition(":")[0] for note in notes] == [
        "Intake harbour/Helpdesk is off",
        "Connection harbour/Zendesk is off",
        "Webhook */Lake is off",
    ]
    with production.reading() as session:
        connection = session.scalars(select(Connection)).one()
        assert not session.scalars(select(IntakeSource)).one().active
        assert not session.scalars(select(WebhookSubscription)).one().active
    assert (connection.active, connection.shadow, connection.credentials) == (False, True, "")


def test_production_keeps_where_its_systems_stand(staging, database, production):
    text = _export(database)
    _import(production, text)
    with _building(production) as make:
        connection = make.session.scalars(select(Connection)).one()
        connection.base_url, connection.account = "https://production.zendesk.example", "live@example.test"
        webhook = make.session.scalars(select(WebhookSubscription)).one()
        webhook.url, webhook.active = "https://production.example/in", True

    def edit(new: Any) -> None:
        new["connections"][0].update(writes_assignees=True)
        new["webhooks"][0].update(kinds=["job.dead"])

    comparison, notes = _import(production, _changed(text, edit))

    assert [(each.section, set(each.fields)) for each in comparison.changes] == [("webhooks", {"kinds"})]
    assert notes == []
    with production.reading() as session:
        webhook = session.scalars(select(WebhookSubscription)).one()
        assert (webhook.url, webhook.active) == ("https://production.example/in", True)
        assert webhook.kinds == ["job.dead"]
        assert session.scalars(select(Connection)).one().base_url == "https://production.zendesk.example"


def test_each_change_is_made_by_its_service_and_leaves_what_the_file_does_not_have(staging, database, production):
    text = _export(database)
    _import(production, text)
    with _building(production) as make:
        make.skill(code="only-here", name="Only here")

    def edit(new: Any) -> None:
        german = next(each for each in new["skills"] if each["code"] == "german")
        german.update(name="High German", synonyms=["Deutsch"], links=[], levels={"1": "Greets"})
        next(each for each in new["skills"] if each["code"] == "latin").update(retired=False)
        refund = next(each for each in new["engagement_types"] if each["code"] == "refund")
        refund.update(value=33.5, active=True, requirements=[{"skill": "dutch", "level": 1}])
        new["service_roles"][0]["steps"] = []
        new["service_roles"][1]["steps"] = [{"to": "junior", "kind": "up"}]
        new["check_in_rules"][0]["days"] = 9
        new["evaluation_criteria"][0].update(criterion="tone of  VOICE", skill="dutch")
        new["evaluation_criteria"].append({"form": "Calls", "criterion": "Weather", "ignored": True})
        shown = [
            {"achievement": "b2", "skill": "german", "level": 5},
            {"achievement": "b1", "skill": "dutch", "level": 2},
        ]
        new["badge_issuers"][0].update(revoked=["badge-7"], badges=shown)
        new["webhooks"][0]["kinds"].append("level.validated")
        new["intake_sources"][0]["mapping"]["window"]["minutes"] = 60
        policy = next(each for each in new["policies"] if each["code"] == "default")
        policy["settings"]["late_share"] = 0.25

    wanted = _changed(text, edit)
    comparison, _ = _import(production, wanted)

    assert {each.section for each in comparison.changes} == set(SECTIONS) - {"skill_groups", "connections"}
    assert comparison.only_here == (("skills", "only-here"),)
    with production.reading() as session:
        numbers = session.scalars(select(Policy.number).where(Policy.code == "default")).all()
        assert sorted(numbers) == [1, 2]
    # The file is written out anew, so that what it leaves to defaults stands there.
    assert _import(production, wanted)[0].changes == ()
    assert json.loads(_export(production))["skills"][1]["synonyms"] == ["Deutsch"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda new: new.update(format_version=9), "$.format_version: "),
        (lambda new: new.update(people=[]), "$.people: There is no such section"),
        (lambda new: new["skills"][0].pop("name"), "$.skills[0].name: Missing data"),
        (lambda new: new["skills"][1].update(kind="magic"), "$.skills[1].kind: Must be one of"),
        (lambda new: new["skills"][1].update(half_life_days=0), "$.skills[1].half_life_days: Give whole days"),
        (lambda new: new["skills"][1]["links"][0].update(weight="much"), "$.skills[1].links[0].weight: "),
        (lambda new: new["skills"][1]["links"][0].update(other="nothing"), "$.skills[1].links[0].other: There is no"),
        (lambda new: new["skills"].append(new["skills"][0]), "$.skills[4]: dutch stands at $.skills[0]"),
        (lambda new: new["skills"][1].update(group="nowhere"), "$.skills[1].group: There is no group"),
        (lambda new: new["engagement_types"][2].update(handle_minutes=0), "$.engagement_types[2].handle_minutes: "),
        (lambda new: new["engagement_types"][2].update(value=float("nan")), "$: this is no JSON"),
        (lambda new: new["service_roles"][1]["steps"].append({"to": "junior"}), "$.service_roles[1].to_role_id: Steps"),
        (lambda new: new["policies"][0]["settings"].update(late_share=7), "$.policies[0]: "),
        (lambda new: new["policies"][0]["settings"]["planning"].update(x=7), "$.policies[0].settings.planning: "),
        (lambda new: new["check_in_rules"][0].update(site="far"), "$.check_in_rules[0].site: There is no site"),
        (
            lambda new: new["intake_sources"][0]["mapping"].update(each="no pointer"),
            "$.intake_sources[0].mapping.each: ",
        ),
        (lambda new: new["connections"][0].update(base_url="http://10.0.0.1"), "$.connections[0].url: "),
        (lambda new: new["evaluation_criteria"][0].update(skill="nothing"), "$.evaluation_criteria[0].skill: There is"),
        (lambda new: new["evaluation_criteria"][0].update(cuts=[1, 2]), "$.evaluation_criteria[0].cuts: Give five"),
        (lambda new: new["badge_issuers"][0].update(keys=[{"kty": "oct", "k": "x"}]), "$.badge_issuers[0].keys: "),
        (lambda new: new["badge_issuers"][0].update(identifiers=["me"]), "$.badge_issuers[0].identifiers: "),
        (lambda new: new["badge_issuers"][0]["badges"][0].update(level=9), "$.badge_issuers[0].level: "),
        (lambda new: new["webhooks"][0].update(kinds=[]), "$.webhooks[0].kinds: Choose"),
        (lambda new: new["webhooks"][0].update(site="far"), "$.webhooks[0].site: There is no site"),
        (lambda new: new["webhooks"][0].update(url="http://10.0.0.1"), "$.webhooks[0].url: "),
        (lambda new: new["connections"][0].update(writes_levels=True), "$.connections[0].writes_assignees: "),
    ],
)
def test_bad_file_is_refused_with_the_place_and_nothing_is_written(staging, database, production, change, told):
    before = _export(production)

    with pytest.raises(InvalidInputError) as refused:
        _import(production, _changed(_export(database), change))

    assert told in str(refused.value)
    assert _export(production) == before


def test_merge_of_a_skill_that_people_hold_is_left_to_a_person(staging, database, production):
    text = _export(database)
    _import(production, text)

    def merge(new: Any) -> None:
        next(each for each in new["skills"] if each["code"] == "dutch").update(merged_into="german", retired=True)

    with pytest.raises(InvalidInputError, match="A merge moves people's records"):
        _import(production, _changed(text, merge))


def test_keys_of_an_issuer_are_not_taken_away_by_a_file(staging, database, production):
    text = _export(database)
    _import(production, text)

    with pytest.raises(InvalidInputError, match=r"\$\.badge_issuers\[0\]\.keys: A file takes no keys away"):
        _import(production, _changed(text, lambda new: new["badge_issuers"][0].update(keys=[])))


def test_only_public_keys_of_issuers_are_in_the_file(staging, database):
    (key,) = json.loads(_export(database))["badge_issuers"][0]["keys"]

    assert set(key) & {"d", "p", "q", "k"} == set()


def test_two_systems_of_one_name_are_not_mixed_up_in_a_file(staging, database):
    with _building(database) as make:
        first = make.session.scalars(select(Connection)).one()
        copied = {name: getattr(first, name) for name in ("name", "preset", "site_id", "created_at")}
        make.session.add(Connection(**copied))

    with pytest.raises(ConflictError, match="harbour/Zendesk"):
        _export(database)


@pytest.fixture
def mainstay(
    production: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Return a function that runs ``mainstay`` at the production and returns its exit code, output and errors."""
    monkeypatch.setenv("DATABASE_URL", production.url.render_as_string(hide_password=False))
    monkeypatch.setenv("MAINSTAY_ENV", "test")

    def run(*words: str) -> tuple[int, str, str]:
        console.get_config.cache_clear()
        console.get_database.cache_clear()
        monkeypatch.setattr(sys, "argv", ["mainstay", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        console.get_database().dispose()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    yield run
    console.get_config.cache_clear()
    console.get_database.cache_clear()


def test_command_shows_what_differs_before_it_does_it(staging, database, production, mainstay, tmp_path):
    file = tmp_path / "configuration.json"
    file.write_text(_export(database), encoding="utf-8")
    empty = _export(production)

    code, told, _ = mainstay("config", "import", str(file), "--dry-run")

    assert code == 0
    assert "+ skills german\n" in told
    assert _export(production) == empty
    assert mainstay("config", "import", str(file), "--yes")[0] == 0
    out = tmp_path / "out.json"
    assert mainstay("config", "export", str(out))[0] == 0
    assert out.read_bytes() == file.read_bytes()
    assert mainstay("config", "export", str(out))[::2] == (
        1,
        f"mainstay: There is a file {out} already; --force writes over it.\n",
    )
    code, told, _ = mainstay("config", "import", str(file), "--yes", "--json")
    assert json.loads(told) == {"applied": False, "changes": [], "notes": [], "only_here": []}


def test_command_exports_chosen_sections_and_names_the_place_of_an_error(mainstay, tmp_path):
    assert set(json.loads(mainstay("config", "export", "-", "--only", "skills")[1])) == {
        "format",
        "format_version",
        "skills",
    }
    file = tmp_path / "wrong.json"
    file.write_text(configuration.render({"skills": [{"code": "x"}]}), encoding="utf-8")

    code, _, told = mainstay("config", "import", str(file), "--yes")

    assert code == 1
    assert "$.skills[0].name: Missing data" in told
