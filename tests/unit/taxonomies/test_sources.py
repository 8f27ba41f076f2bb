"""Files of ESCO and O*NET are known by their headers, read row by row, and refused with file, row and column."""

from __future__ import annotations

from functools import partial

import pytest

from tests.factories import taxonomy_files as made
from webapp.models import ConceptKind, RelationKind
from webapp.services.taxonomies.archive import Files
from webapp.services.taxonomies.draft import LEFT_TWICE, LEFT_UNKNOWN, ReleaseDraft
from webapp.services.taxonomies.problems import ReleaseRefusedError
from webapp.services.taxonomies.sources import onet
from webapp.services.taxonomies.sources.esco import read_esco
from webapp.services.taxonomies.sources.onet import read_onet

SOC = "43-4051.00"
RATED = ("O*NET-SOC Code", "Element ID", "Element Name", "Scale ID", "Data Value", "Recommend Suppress", "Not Relevant")


def silent(number: int, of: int, name: str) -> None:
    """Tell nobody."""


def esco(**contents: bytes) -> ReleaseDraft:
    draft = read_esco(made.files(**contents), report=silent)
    draft.settle({})
    return draft


def onet_of(**contents: bytes) -> ReleaseDraft:
    files = Files({f"{name.replace('_', ' ')}.txt": partial(bytes, content) for name, content in contents.items()})
    draft = read_onet(files, report=silent)
    draft.settle({})
    return draft


def refused(read, **contents: bytes) -> list[str]:
    with pytest.raises(ReleaseRefusedError) as error:
        read(**contents)
    return [str(problem) for problem in error.value.problems]


def text(header, *rows) -> bytes:
    return made.table(header, rows, delimiter="\t")


def test_a_release_of_esco_is_read_whole():
    draft = esco(**made.FIRST)

    refunds = draft.concepts[made.SKILL + "refunds"]
    assert (refunds.label, refunds.kind) == ("process refunds", ConceptKind.SKILL)
    assert refunds.alternatives == ("give money back", "reimburse customers")
    assert draft.concepts[made.SKILL + "listen"].alternatives == ("lend an ear", "attend to others")
    assert draft.concepts[made.SKILL + "law"].kind is ConceptKind.KNOWLEDGE
    agent = made.OCCUPATION + "agent"
    assert (agent, made.SKILL + "refunds", RelationKind.ESSENTIAL) in draft.relations
    assert (made.SKILL + "listen", made.SKILL + "talk", RelationKind.BROADER) in draft.relations
    assert draft.missing == ["ISCOGroups_en.csv", "skillsHierarchy_en.csv"]


def test_every_row_is_used_or_counted_as_left_out():
    draft = esco(**{**made.FIRST, "broaderRelationsSkillPillar": made.broader(("refunds", "money"), ("refunds", "x"))})

    for file in draft.files:
        assert file.rows == file.used + sum(file.left_out.values())
    (report,) = [file for file in draft.files if file.title == "What skills belong to"]
    assert (report.used, dict(report.left_out)) == (1, {LEFT_UNKNOWN: 1})


def test_columns_of_other_releases_may_be_missing_or_new():
    header = ("conceptType", "conceptUri", "preferredLabel", "somethingNew")
    draft = esco(skills=made.table(header, [["KnowledgeSkillCompetence", made.SKILL + "a", "listen", "?"]]))

    assert draft.concepts[made.SKILL + "a"].label == "listen"


def test_a_collection_adds_skills_and_their_place_but_covers_no_kind():
    header = ("conceptType", "conceptUri", "preferredLabel", "status", "skillType", "altLabels", "broaderConceptUri")
    row = ["KnowledgeSkillCompetence", made.SKILL + "a", "speak up", "released", "", "", made.SKILL + "talk"]
    draft = esco(transversalSkillsCollection=made.table(header, [row]), skillGroups=made.groups(talk="talking"))

    assert draft.concepts[made.SKILL + "a"].collections == ("transversal",)
    assert (made.SKILL + "a", made.SKILL + "talk", RelationKind.BROADER) in draft.relations
    assert draft.covers == {ConceptKind.GROUP}


def test_the_fuller_file_is_believed_and_further_names_are_kept():
    header = ("conceptType", "conceptUri", "preferredLabel", "status", "skillType", "altLabels", "broaderConceptUri")
    row = ["KnowledgeSkillCompetence", made.SKILL + "listen", "Listen!", "released", "", "be all ears", ""]
    draft = esco(**made.FIRST, languageSkillsCollection=made.table(header, [row]))

    concept = draft.concepts[made.SKILL + "listen"]
    assert concept.label == "listen actively"
    assert concept.alternatives == ("lend an ear", "attend to others", "be all ears")


def test_rows_that_are_not_released_are_left_out():
    row = made.skill("old", "use a slide rule")
    row[7] = "obsolete"
    draft = esco(skills=made.skills(row, made.skill("new", "calculate")))

    assert list(draft.concepts) == [made.SKILL + "new"]
    assert dict(draft.files[0].left_out) == {"are not released": 1}


def test_a_row_that_repeats_another_is_left_out():
    draft = esco(skills=made.skills(made.skill("a", "listen"), made.skill("a", "listen")))

    assert dict(draft.files[0].left_out) == {LEFT_TWICE: 1}


def test_the_hierarchy_places_groups_though_its_rows_are_short():
    header = ("Level 0 URI", "Level 0 preferred term", "Level 1 URI", "Level 1 preferred term", "Level 0 code")
    content = f"{','.join(header)}\nu:s,skills,,,S\nu:s,skills,u:t,talking\n".encode()
    draft = esco(skillsHierarchy=content)

    assert ("u:t", "u:s", RelationKind.BROADER) in draft.relations


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        (
            "skills",
            made.skills(made.skill("a", "")),
            "skills_en.csv, row 2, column preferredLabel: The cell is empty.",
        ),
        (
            "skills",
            made.skills(made.skill("a", "listen"), made.skill("a", "speak")),
            "skills_en.csv, row 3, column preferredLabel: An earlier row says “listen” of the same",
        ),
        (
            "skills",
            made.skills(made.skill("a b", "listen")),
            "skills_en.csv, row 2, column conceptUri: “http://data.europa.eu/esco/skill/a b” is no address",
        ),
        (
            "occupationSkillRelations",
            made.asked(("agent", "handy", "refunds")),
            "occupationSkillRelations_en.csv, row 2, column relationType: “handy” is neither essential nor optional.",
        ),
        (
            "skills",
            b"conceptType,conceptUri\nKnowledgeSkillCompetence,u:a\n",
            "skills_en.csv, row 1, column preferredLabel: The header lacks this column.",
        ),
        ("skills", b"", "skills_en.csv: The file is empty."),
        ("skills", b"caf\xe9,b\n", "skills_en.csv, row 1: This is not UTF-8 text. Save the file as UTF-8."),
        (
            "skills",
            b"conceptType,conceptUri,preferredLabel\nKnowledgeSkillCompetence,u:a,listen,more\n",
            "skills_en.csv, row 2, column preferredLabel: It has 4 cells, the header has 3.",
        ),
        (
            "skills",
            b"conceptType,conceptUri,preferredLabel\nRobot,u:a,listen\n",
            "skills_en.csv, row 2, column conceptType: “Robot” is no type of concept",
        ),
    ],
)
def test_a_malformed_file_is_refused_with_its_place(file, content, message):
    assert refused(esco, **{file: content})[0].startswith(message)


def test_all_problems_of_all_files_are_named_up_to_a_limit():
    many = made.skills(*(made.skill(str(number), "") for number in range(150)))

    assert len(refused(esco, skills=many)) == 100


def test_files_of_another_kind_are_listed_and_none_at_all_is_refused():
    draft = esco(**made.FIRST, notes=b"a,b\n1,2\n")

    assert draft.unused == ["notes_en.csv"]
    assert "None of the files is one of this taxonomy" in refused(esco, notes=b"a,b\n1,2\n")[0]


@pytest.mark.parametrize(
    ("value", "scale", "expected"),
    [(1, "IM", 0), (3, "IM", 50), (5, "IM", 100), (0, "LV", 0), (3.5, "LV", 50), (7, "LV", 100), (4.12, "LV", 58.86)],
)
def test_ratings_run_from_0_to_100(value, scale, expected):
    assert onet.rescale(value, scale) == expected


def test_a_release_of_onet_is_read_from_text_files():
    draft = onet_of(
        Occupation_Data=text(("O*NET-SOC Code", "Title", "Description"), (SOC, "Representatives", '"Quoted" words')),
        Alternate_Titles=text(
            ("O*NET-SOC Code", "Alternate Title", "Short Title", "Source(s)"), (SOC, "Call Center Agent", "n/a", "02")
        ),
        Job_Zones=text(("O*NET-SOC Code", "Job Zone", "Date"), (SOC, "2", "08/2023")),
        Skills=text(
            RATED,
            (SOC, "2.A.1.b", "Active Listening", "IM", "4", "N", ""),
            (SOC, "2.A.1.b", "Active Listening", "LV", "3.5", "N", "N"),
            (SOC, "2.A.1.e", "Mathematics", "IM", "2", "N", ""),
            (SOC, "2.A.1.e", "Mathematics", "LV", "1", "Y", "N"),
            (SOC, "2.A.1.f", "Science", "LV", "1", "N", "Y"),
        ),
    )

    occupation = draft.concepts[f"onet:{SOC}"]
    assert (occupation.description, occupation.facts, occupation.alternatives) == (
        '"Quoted" words',
        {"job_zone": 2},
        ("Call Center Agent",),
    )
    listening = draft.relations[f"onet:{SOC}", "onet:2.A.1.b", RelationKind.ESSENTIAL]
    assert (listening.importance, listening.level) == (75, 50)
    mathematics = draft.relations[f"onet:{SOC}", "onet:2.A.1.e", RelationKind.OPTIONAL]
    assert (mathematics.importance, mathematics.level) == (25, None)
    (report,) = [file for file in draft.files if file.title == "Skills"]
    assert (report.rows, report.used) == (5, 3)
    assert dict(report.left_out) == {onet.LEFT_SUPPRESSED: 1, onet.LEFT_NOT_RELEVANT: 1}
    assert "onet:2.A.1.f" in draft.concepts


def test_technologies_stand_under_their_commodities_and_are_essential_where_in_demand():
    header = ("O*NET-SOC Code", "Example", "Commodity Code", "Commodity Title", "Hot Technology", "In Demand")
    draft = onet_of(
        Occupation_Data=text(("O*NET-SOC Code", "Title", "Description"), (SOC, "Representatives", "")),
        Technology_Skills=text(
            header,
            (SOC, "Salesforce software", "43232303", "CRM software", "Y", "Y"),
            (SOC, "Act!", "43232303", "CRM software", "N", "N"),
        ),
    )

    assert draft.concepts["onet:technology:Salesforce software"].facts == {"hot_technology": True}
    assert draft.concepts["onet:technology:Act!"].facts == {"hot_technology": False}
    assert (f"onet:{SOC}", "onet:technology:Salesforce software", RelationKind.ESSENTIAL) in draft.relations
    assert (f"onet:{SOC}", "onet:technology:Act!", RelationKind.OPTIONAL) in draft.relations
    assert ("onet:technology:Act!", "onet:commodity:43232303", RelationKind.BROADER) in draft.relations


@pytest.mark.parametrize(
    ("row", "place"),
    [
        (
            (SOC, "2.A.1.b", "Active Listening", "IM", "5.1", "N", ""),
            "column Data Value: “5.1” is no number from 1",
        ),
        (
            (SOC, "2.A.1.b", "Active Listening", "LV", "nan", "N", ""),
            "column Data Value: “nan” is no number",
        ),
        ((SOC, "2.A.1.b", "Active Listening", "XX", "1", "N", ""), "column Scale ID: “XX” is neither IM"),
        (
            (SOC, "2.A.1.b", "Active Listening", "IM", "4", "Q", ""),
            "column Recommend Suppress: “Q” is neither",
        ),
        (("", "2.A.1.b", "Active Listening", "IM", "4", "N", ""), "column O*NET-SOC Code: The cell is empty."),
    ],
)
def test_a_malformed_rating_is_refused_with_its_place(row, place):
    (problem,) = refused(onet_of, Skills=text(RATED, row))

    assert problem.startswith(f"Skills.txt, row 2, {place}")
