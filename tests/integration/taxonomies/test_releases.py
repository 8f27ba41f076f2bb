"""A release is first a difference; it is applied whole, once, and records survive it."""

from __future__ import annotations

import datetime as dt

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.factories import NOW
from tests.factories import taxonomy_files as made
from webapp.errors import ConflictError
from webapp.models import (
    AuditEvent,
    ChangeKind,
    RelationKind,
    TaxonomyCode,
    TaxonomyConcept,
    TaxonomyLabel,
    TaxonomyRelation,
    TaxonomyRelease,
)
from webapp.services.audit import Actor
from webapp.services.taxonomies import browsing, history, releases
from webapp.services.taxonomies.problems import ReleaseRefusedError

BY = Actor(person_id=None, at=NOW)


def compare(session, contents):
    return releases.compare_files(session, TaxonomyCode.ESCO, made.files(**contents))[1]


def lines(difference) -> dict[ChangeKind, list[tuple[str, str, str]]]:
    """Return the lines of a difference by kind: (label, before, after)."""
    found: dict[ChangeKind, list[tuple[str, str, str]]] = {}
    for change in difference.changes:
        found.setdefault(change.kind, []).append((change.label, change.before, change.after))
    return found


def concept(session: Session, label: str) -> TaxonomyConcept:
    return session.scalars(select(TaxonomyConcept).where(TaxonomyConcept.label == label)).one()


def counts(session) -> tuple[int, ...]:
    models = (TaxonomyConcept, TaxonomyLabel, TaxonomyRelation, TaxonomyRelease, AuditEvent)
    return tuple(session.scalar(select(func.count()).select_from(model)) for model in models)


def test_the_difference_between_two_releases_is_right_line_by_line(session, apply):
    apply(made.FIRST)

    difference = compare(session, made.SECOND)

    # Told by hand from the two releases, see tests/factories/taxonomy_files.py.
    assert lines(difference) == {
        ChangeKind.ADDED: [("answer chats", "", "answer chats")],
        ChangeKind.REMOVED: [("operate a telex", "operate a telex", "")],
        ChangeKind.RELABELLED: [("handle refunds", "process refunds", "handle refunds")],
        ChangeKind.MOVED: [("listen actively", "talking to people", "handling money")],
        ChangeKind.REWORDED: [("consumer law", "", "consumer rights")],
        ChangeKind.RELINKED: [
            ("customer service representative", "optional: consumer law", "essential: consumer law"),
        ],
    }
    assert difference.counts() == {
        "added": 1,
        "removed": 1,
        "relabelled": 1,
        "moved": 1,
        "reworded": 1,
        "relinked": 1,
        "relations_added": 3,
        "relations_changed": 0,
        "relations_removed": 2,
    }


def test_showing_a_difference_writes_nothing(session, apply):
    apply(made.FIRST)
    before = counts(session)

    compare(session, made.SECOND)

    assert counts(session) == before


def test_an_applied_release_is_what_is_read_afterwards(session, apply):
    apply(made.FIRST)
    apply(made.SECOND, "2.0")

    assert compare(session, made.SECOND).is_empty
    handled = concept(session, "handle refunds")
    assert {label.text for label in handled.labels} == {"give money back", "reimburse customers"}
    assert [other.label for other in browsing.list_broader(session, concept(session, "listen actively"))] == [
        "handling money"
    ]
    asked = browsing.list_asked(session, concept(session, "customer service representative"), RelationKind.ESSENTIAL)
    assert [line.concept.label for line in asked] == ["consumer law", "handle refunds"]


def test_importing_again_changes_nothing(session, apply):
    apply(made.FIRST)

    difference = compare(session, made.FIRST)

    assert difference.is_empty
    assert set(difference.counts().values()) == {0}


def test_a_release_is_audited_once_with_its_counts_and_digest(session, apply):
    release = apply(made.FIRST)

    (event,) = session.scalars(select(AuditEvent).where(AuditEvent.action == "apply_taxonomy_release")).all()
    assert event.detail["digest"] == release.digest == made.files(**made.FIRST).digest()
    assert event.detail["counts"] == release.report["counts"]
    assert event.detail["release"] == "1.0"


def test_a_removed_concept_is_marked_and_comes_back_as_the_same_row(session, apply):
    first = apply(made.FIRST)
    telex = concept(session, "operate a telex").id
    second = apply(made.SECOND, "2.0")
    removed_in = session.get(TaxonomyConcept, telex).removed_in_id
    hidden = browsing.search_concepts(session, first.taxonomy, "telex", limit=5)

    apply(made.FIRST, "3.0")

    assert (removed_in, hidden) == (second.id, [])
    assert concept(session, "operate a telex").id == telex
    assert concept(session, "operate a telex").removed_in_id is None


def test_a_skill_keeps_its_concept_and_is_listed_when_the_concept_goes(session, apply, make):
    first = apply(made.FIRST)
    skill = make.skill(name="Telex")
    skill.concept_id = concept(session, "operate a telex").id
    session.flush()
    before = list(history.list_orphans(session, first.taxonomy))

    second = apply(made.SECOND, "2.0")

    assert before == []
    assert list(history.list_orphans(session, first.taxonomy)) == [skill]
    assert list(history.list_losing(session, second)) == [skill]
    assert skill.concept.label == "operate a telex"


def test_a_part_of_a_release_changes_only_what_it_is_about(session, apply):
    apply(made.FIRST)

    difference = compare(session, {"occupations": made.occupations(agent="contact centre agent", new="chat agent")})

    assert lines(difference) == {
        ChangeKind.ADDED: [("chat agent", "", "chat agent")],
        ChangeKind.RELABELLED: [("contact centre agent", "customer service representative", "contact centre agent")],
    }
    assert difference.removed_relations == []


def test_a_difference_to_another_release_is_not_applied(session, apply):
    first = apply(made.FIRST)
    files = made.files(**made.SECOND)
    draft, difference = releases.compare_files(session, TaxonomyCode.ESCO, files)
    late = releases.take_release(
        session, code=TaxonomyCode.ESCO, name="2.0", file_name="x.zip", files=files, content=None, by=BY
    )
    apply(made.SECOND, "1.5")

    with pytest.raises(ConflictError, match="Compare again"):
        releases.apply_release(session, late, draft, difference, base_id=first.id, by=BY)


def test_a_release_is_applied_once(session, apply):
    release = apply(made.FIRST)

    with pytest.raises(ConflictError, match="applied already"):
        releases.discard_release(session, release)
    with pytest.raises(ConflictError):
        releases.queue_apply(session, release, by=BY)


def test_a_malformed_release_writes_nothing(session, apply):
    apply(made.FIRST)
    before = counts(session)

    with pytest.raises(ReleaseRefusedError, match=r"skills_en.csv, row 2, column preferredLabel"):
        apply({**made.SECOND, "skills": made.skills(made.skill("a", ""))}, "2.0")

    assert counts(session) == before


def test_the_release_that_was_applied_last_is_the_current_one(session, apply):
    first = apply(made.FIRST)
    second = apply(made.SECOND, "2.0")
    second.applied_at = NOW + dt.timedelta(days=1)
    session.flush()

    assert releases.current_release(session, first.taxonomy) == second
    assert list(history.list_releases(session, first.taxonomy)) == [second, first]
