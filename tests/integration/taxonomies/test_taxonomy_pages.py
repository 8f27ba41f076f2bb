"""The pages of taxonomies: upload, difference, apply, look around, pick, undo."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tests.factories import taxonomy_files as made
from webapp.jobs import build_executor
from webapp.models import ReleaseState, Role, Skill, TaxonomyConcept, TaxonomyRelease

ADDRESSES = ("", "/upload", "/esco", "/concepts/1", "/pick", "/releases/1")


@pytest.fixture
def hr(make, sign_in):
    """Return a client signed in as somebody of HR."""
    return sign_in(make.person(name="Hanna", roles=(Role.HR,)))


@pytest.fixture
def run_jobs(app: Flask) -> Callable[[], None]:
    """Return a function that runs the jobs that wait."""

    def _run() -> None:
        executor = build_executor(app)
        while executor.run_once():
            pass

    return _run


def archive(contents) -> bytes:
    return made.pack({f"{name}_en.csv": content for name, content in contents.items()})


def upload(client, contents, name: str = "1.0"):
    content = contents if isinstance(contents, bytes) else archive(contents)
    data = {"taxonomy": "esco", "name": name, "file": (io.BytesIO(content), "esco.zip")}
    return client.post("/taxonomies/upload", data=data, content_type="multipart/form-data")


def test_a_release_goes_from_upload_over_its_difference_into_the_taxonomy(hr, session, run_jobs):
    waiting = upload(hr, made.FIRST)
    address = waiting.headers["Location"]
    run_jobs()
    shown = hr.get(address).text
    applying = hr.post(f"{address}/apply")
    run_jobs()
    after = hr.get(address).text

    assert (waiting.status_code, applying.status_code) == (302, 302)
    assert "The release can be applied" in shown
    assert "Process refunds" in shown
    assert "Missing: ISCOGroups_en.csv, skillsHierarchy_en.csv" in shown
    assert "all of it in one step" in after
    assert "This service uses the ESCO classification of the European Commission." in after
    release = session.scalars(select(TaxonomyRelease)).one()
    assert (release.state, release.content) == (ReleaseState.APPLIED, None)


def test_the_difference_of_the_next_release_is_shown_by_kind_and_as_csv(hr, session, apply, run_jobs):
    apply(made.FIRST)
    session.commit()
    address = upload(hr, made.SECOND, "2.0").headers["Location"]
    run_jobs()

    moved = hr.get(f"{address}?change=moved").text
    table = hr.get(f"{address}?format=csv").text

    assert "Listen actively" in moved
    assert "talking to people" in moved
    assert "relabelled,skill,http://data.europa.eu/esco/skill/refunds,handle refunds,process refunds,handle" in table


def test_a_release_that_changes_nothing_says_so(hr, session, apply, run_jobs):
    apply(made.FIRST)
    session.commit()
    address = upload(hr, made.FIRST, "1.0").headers["Location"]
    run_jobs()

    assert "Nothing would change" in hr.get(address).text


def test_only_the_difference_that_was_shown_is_applied(hr, session, run_jobs):
    first = upload(hr, made.FIRST).headers["Location"]
    second = upload(hr, made.SECOND, "2.0").headers["Location"]
    run_jobs()
    hr.post(f"{first}/apply")
    run_jobs()

    hr.post(f"{second}/apply")
    run_jobs()
    refused = hr.get(second).text
    hr.post(f"{second}/check")
    run_jobs()
    compared = hr.get(second).text
    hr.post(f"{second}/apply")
    run_jobs()

    assert "Another release was applied meanwhile" in refused
    assert "The release can be applied" in compared
    assert "all of it in one step" in hr.get(second).text


def test_a_cancelled_comparison_leaves_the_release_as_it_was(hr, session, run_jobs):
    address = upload(hr, made.FIRST).headers["Location"]
    job_id = session.scalars(select(TaxonomyRelease.job_id)).one()
    session.rollback()
    hr.post(f"/jobs/{job_id}/cancel")
    run_jobs()

    assert "Not compared yet" in hr.get(address).text
    assert hr.post(f"{address}/check").status_code == 302


def test_a_malformed_file_is_named_with_row_and_column(hr, session, run_jobs):
    address = upload(hr, {"skills": made.skills(made.skill("a", ""))}).headers["Location"]
    run_jobs()

    page = hr.get(address)

    assert "skills_en.csv, row 2, column preferredLabel" in page.text
    assert hr.post(f"{address}/apply").status_code == 409
    assert session.scalars(select(TaxonomyConcept)).all() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no archive", "no ZIP archive"),
        (made.pack({"../skills_en.csv": b"a"}), "outside itself"),
        (made.pack({"skills_en.csv": b"0" * 8_000_000}), "would unpack"),
    ],
)
def test_a_dangerous_archive_is_refused_beside_its_field(hr, content, message):
    answer = upload(hr, content)

    assert answer.status_code == 422
    assert message in answer.text


def test_an_upload_needs_a_file_and_a_name(hr):
    answer = hr.post("/taxonomies/upload", data={"taxonomy": "esco"}, content_type="multipart/form-data")

    assert answer.status_code == 422
    assert "Choose a ZIP archive." in answer.text
    assert "Say which release it is" in answer.text


def test_a_release_can_be_discarded_before_it_is_applied(hr, session, run_jobs):
    address = upload(hr, made.FIRST).headers["Location"]
    busy = hr.post(f"{address}/discard").status_code
    run_jobs()

    done = hr.post(f"{address}/discard")

    assert (busy, done.status_code) == (409, 302)
    assert hr.get(address).status_code == 404


def test_two_jobs_at_once_on_one_release_are_refused(hr):
    address = upload(hr, made.FIRST).headers["Location"]

    assert hr.post(f"{address}/check").status_code == 409


@pytest.fixture
def filled(apply, session):
    """Return the keys of the concepts of a taxonomy, by label."""
    apply(made.FIRST)
    session.commit()
    keys = {concept.label: concept.id for concept in session.scalars(select(TaxonomyConcept))}
    # The pages write through a session of their own, which SQLite lets nobody do while this one is open.
    session.rollback()
    return keys


def test_the_tree_leads_from_groups_to_skills(hr, filled):
    top = hr.get("/taxonomies/esco").text
    group = hr.get(f"/taxonomies/esco?group={filled['handling money']}").text

    assert "Handling money" in top
    assert "Process refunds" not in top
    assert "Process refunds" in group
    assert "Listen actively" not in group


@pytest.mark.parametrize("text", ["refunds", "proces refnuds", "reimburse"])
def test_skills_are_found_by_name_synonym_and_in_spite_of_errors(hr, filled, text):
    page = hr.get("/taxonomies/esco", query_string={"q": text}).text

    assert "Process refunds" in page
    assert "Listen actively" not in page


def test_lists_narrow_by_kind_and_come_as_csv(hr, filled):
    page = hr.get("/taxonomies/esco?kind=knowledge").text
    table = hr.get("/taxonomies/esco?kind=knowledge&format=csv").text

    assert "Consumer law" in page
    assert "Listen actively" not in page
    assert len(table.strip().splitlines()) == 2


def test_an_occupation_shows_what_is_essential_and_optional(hr, filled):
    page = hr.get(f"/taxonomies/concepts/{filled['customer service representative']}").text

    assert page.index("Essential") < page.index("Process refunds") < page.index("Optional") < page.index("Consumer law")


def test_ticked_concepts_come_into_the_catalogue_and_out_again(hr, session, filled):
    refunds, law = filled["process refunds"], filled["consumer law"]
    form = hr.get(f"/taxonomies/pick?concept={refunds}&concept={law}").text
    data = {
        "concept": [refunds, law],
        f"kind-{refunds}": "human",
        f"group-{refunds}": "Money",
        f"kind-{law}": "product",
        f"group-{law}": "",
    }

    added = hr.post("/taxonomies/pick", data=data, follow_redirects=True).text
    picked = session.scalars(select(Skill.name).order_by(Skill.name)).all()
    session.rollback()
    address = added.split("/taxonomies/picks/")[1].split("/undo")[0]
    undone = hr.post(f"/taxonomies/picks/{address}/undo", follow_redirects=True).text

    assert "Process refunds" in form
    assert "Looks like" not in form
    assert "2 skills are in the catalogue, with 1 link between skills." in added
    assert picked == ["Consumer law", "Process refunds"]
    assert "Out of the catalogue again: Consumer law, Process refunds." in undone


def test_what_looks_like_a_skill_of_the_catalogue_is_said_and_not_ticked(hr, make, session, filled):
    make.skill(name="Processing refunds")
    make.commit()

    page = hr.get(f"/taxonomies/pick?concept={filled['process refunds']}").text

    assert "Looks like" in page
    assert "Processing refunds" in page
    assert f'id="take-{filled["process refunds"]}" checked' not in " ".join(page.split())


@pytest.mark.parametrize(
    ("data", "status", "message"),
    [
        ({}, 422, "Tick what you want to add."),
        ({"concept": "1", "kind-1": "magic"}, 422, "Choose a kind for each skill."),
    ],
)
def test_a_pick_that_is_none_is_refused(hr, filled, data, status, message):
    answer = hr.post("/taxonomies/pick", data=data)

    assert answer.status_code == status
    assert message in answer.text


def test_a_pick_of_what_was_picked_meanwhile_is_refused(hr, filled):
    refunds = filled["process refunds"]
    data = {"concept": [refunds], f"kind-{refunds}": "human", f"group-{refunds}": ""}
    hr.post("/taxonomies/pick", data=data)

    assert hr.post("/taxonomies/pick", data=data).status_code == 409


def test_the_index_lists_taxonomies_and_releases_and_is_empty_at_first(hr, apply, session):
    empty = hr.get("/taxonomies").text
    apply(made.FIRST)
    session.commit()

    assert "No taxonomy is here yet" in empty
    assert "ESCO 1.0" in hr.get("/taxonomies").text
    assert "esco,1.0,applied" in hr.get("/taxonomies?format=csv").text


@pytest.mark.parametrize("address", ADDRESSES)
def test_those_who_do_not_edit_the_catalogue_are_kept_out(make, sign_in, filled, address):
    agent = sign_in(make.person(roles=(Role.AGENT,)))

    assert agent.get(f"/taxonomies{address}").status_code == 403


@pytest.mark.parametrize(
    "address", ["/onet", "/elsewhere", "/concepts/999999", "/releases/999999", "/esco?group=999999"]
)
def test_what_is_not_there_is_not_found(hr, filled, address):
    assert hr.get(f"/taxonomies{address}").status_code == 404


def test_an_undo_of_nothing_is_not_found(hr, filled):
    assert hr.post("/taxonomies/picks/999999/undo").status_code == 404
