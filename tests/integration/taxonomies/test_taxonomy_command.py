"""``mainstay taxonomy`` shows what a release changes, applies it when told to, lists and searches."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from tests.factories import taxonomy_files as made
from webapp.cli.taxonomies import taxonomy
from webapp.db import Database
from webapp.models import TaxonomyConcept


@pytest.fixture
def run(database, monkeypatch):
    """Return a function that runs the command on the database of the test."""
    monkeypatch.setattr("webapp.cli.taxonomies.get_database", lambda: database)
    return lambda *arguments: CliRunner().invoke(taxonomy, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a release."""
    path = tmp_path / "esco"
    path.mkdir()
    for name, content in made.FIRST.items():
        (path / f"{name}_en.csv").write_bytes(content)
    return path


def concepts(database: Database) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(TaxonomyConcept)) or 0


def test_without_apply_the_difference_is_shown_and_nothing_written(run, folder, database):
    result = run("import", "esco", folder, "--release", "1.0")

    assert result.exit_code == 0
    assert "added 8, relations added 6" in result.output
    assert "Nothing was written. Run it again with --apply" in result.output
    assert concepts(database) == 0


def test_with_apply_it_is_written_and_again_changes_nothing(run, folder, database):
    first = run("import", "esco", folder, "--release", "1.0", "--apply")
    second = run("import", "esco", folder, "--release", "1.0", "--apply")

    assert first.output.endswith("Applied.\n")
    assert "Nothing changes: all of this is there already." in second.output
    assert concepts(database) == 8


def test_the_next_release_is_shown_line_by_line(run, folder):
    run("import", "esco", folder, "--release", "1.0", "--apply")
    for name, content in made.SECOND.items():
        (folder / f"{name}_en.csv").write_bytes(content)

    output = run("import", "esco", folder, "--release", "2.0").output

    assert "relabelled: process refunds → handle refunds" in output
    assert "moved: listen actively: talking to people → handling money" in output
    assert "removed: operate a telex" in output


def test_a_zip_archive_is_as_good_as_a_folder(run, tmp_path, database):
    path = tmp_path / "esco.zip"
    path.write_bytes(made.pack({f"{name}_en.csv": content for name, content in made.FIRST.items()}))

    result = run("import", "esco", path, "--release", "1.0", "--apply", "--json")

    assert json.loads(result.output)["applied"] is True
    assert concepts(database) == 8


def test_a_malformed_release_ends_with_1_and_its_places(run, folder, database):
    (folder / "skills_en.csv").write_bytes(made.skills(made.skill("a", "")))

    result = run("import", "esco", folder, "--release", "1.0", "--apply")

    assert result.exit_code == 1
    assert "skills_en.csv, row 2, column preferredLabel: The cell is empty." in result.output
    assert "Nothing was written." in result.output
    assert concepts(database) == 0


def test_taxonomies_are_listed_and_searched(run, folder):
    empty = run("list").output
    run("import", "esco", folder, "--release", "1.0", "--apply")

    assert empty == "No taxonomy is imported yet.\n"
    assert "ESCO 1.0: 3 skill, 1 knowledge, 3 group, 1 occupation" in run("list").output
    assert "This service uses the ESCO classification" in run("list").output
    assert run("search", "esco", "proces refnuds").output.startswith("process refunds (skill)")
    assert run("search", "esco", "xyzzy").output == "Nothing found. Try fewer letters.\n"
