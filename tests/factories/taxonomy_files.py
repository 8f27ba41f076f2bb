"""Files of small taxonomies, as their publishers write them."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Mapping, Sequence
from functools import partial

from webapp.services.taxonomies.archive import Files

SKILL = "http://data.europa.eu/esco/skill/"
OCCUPATION = "http://data.europa.eu/esco/occupation/"
SKILL_COLUMNS = (
    "conceptType",
    "conceptUri",
    "skillType",
    "reuseLevel",
    "preferredLabel",
    "altLabels",
    "hiddenLabels",
    "status",
    "description",
)
GROUP_COLUMNS = ("conceptType", "conceptUri", "preferredLabel", "altLabels", "hiddenLabels", "status", "code")
OCCUPATION_COLUMNS = ("conceptType", "conceptUri", "iscoGroup", "preferredLabel", "altLabels", "status", "code")


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, delimiter: str = ",") -> bytes:
    """Return a header and rows as a file."""
    if delimiter == "\t":
        # O*NET quotes nothing.
        return "".join("\t".join(map(str, row)) + "\r\n" for row in (header, *rows)).encode()
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows([header, *rows])
    return buffer.getvalue().encode()


def skill(key: str, label: str, *, knowledge: bool = False, names: str = "", text: str = "") -> list[object]:
    """Return a row of ``skills_en.csv``."""
    kind = "knowledge" if knowledge else "skill/competence"
    return ["KnowledgeSkillCompetence", SKILL + key, kind, "cross-sector", label, names, "", "released", text]


def skills(*rows: Sequence[object]) -> bytes:
    """Return ``skills_en.csv``."""
    return table(SKILL_COLUMNS, rows)


def groups(**labels: str) -> bytes:
    """Return ``skillGroups_en.csv``: key → label."""
    rows = [["SkillGroup", SKILL + key, label, "", "", "released", key.upper()] for key, label in labels.items()]
    return table(GROUP_COLUMNS, rows)


def occupations(**labels: str) -> bytes:
    """Return ``occupations_en.csv``: key → label."""
    rows = [
        ["Occupation", OCCUPATION + key, "4222", label, "", "released", f"4222.{number}"]
        for number, (key, label) in enumerate(labels.items(), start=1)
    ]
    return table(OCCUPATION_COLUMNS, rows)


def broader(*pairs: tuple[str, str]) -> bytes:
    """Return ``broaderRelationsSkillPillar_en.csv``."""
    rows = [["KnowledgeSkillCompetence", SKILL + one, "SkillGroup", SKILL + other] for one, other in pairs]
    return table(("conceptType", "conceptUri", "broaderType", "broaderUri"), rows)


def asked(*triples: tuple[str, str, str]) -> bytes:
    """Return ``occupationSkillRelations_en.csv``: (occupation, essential or optional, skill)."""
    rows = [[OCCUPATION + one, kind, "skill/competence", SKILL + other] for one, kind, other in triples]
    return table(("occupationUri", "relationType", "skillType", "skillUri"), rows)


def beside(*triples: tuple[str, str, str]) -> bytes:
    """Return ``skillSkillRelations_en.csv``: (skill, essential or optional, skill)."""
    rows = [[SKILL + one, "skill", kind, "skill", SKILL + other] for one, kind, other in triples]
    header = ("originalSkillUri", "originalSkillType", "relationType", "relatedSkillType", "relatedSkillUri")
    return table(header, rows)


def files(**contents: bytes) -> Files:
    """Return files by the names that ESCO gives them."""
    return Files({f"{name}_en.csv": partial(bytes, content) for name, content in contents.items()})


def pack(contents: Mapping[str, bytes]) -> bytes:
    """Return files in a ZIP archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return buffer.getvalue()


FIRST: dict[str, bytes] = {
    "skills": skills(
        skill("refunds", "process refunds", names="give money back\nreimburse customers", text="Pay customers back."),
        skill("listen", "listen actively", names="lend an ear | attend to others"),
        skill("telex", "operate a telex"),
        skill("law", "consumer law", knowledge=True),
    ),
    "skillGroups": groups(money="handling money", talk="talking to people", old="office machines"),
    "broaderRelationsSkillPillar": broader(("refunds", "money"), ("listen", "talk"), ("telex", "old")),
    "occupations": occupations(agent="customer service representative"),
    "occupationSkillRelations": asked(("agent", "essential", "refunds"), ("agent", "optional", "law")),
    "skillSkillRelations": beside(("law", "essential", "refunds")),
}
"""A release of four skills, three groups and an occupation."""

SECOND: dict[str, bytes] = {
    **FIRST,
    "skills": skills(
        # Relabelled; the others keep their words.
        skill("refunds", "handle refunds", names="give money back\nreimburse customers", text="Pay customers back."),
        # Moved to another group.
        skill("listen", "listen actively", names="lend an ear | attend to others"),
        # Reworded: another synonym.
        skill("law", "consumer law", knowledge=True, names="consumer rights"),
        # Added; the telex is removed.
        skill("chat", "answer chats"),
    ),
    "broaderRelationsSkillPillar": broader(("refunds", "money"), ("listen", "money"), ("chat", "talk")),
    "occupationSkillRelations": asked(("agent", "essential", "refunds"), ("agent", "essential", "law")),
}
"""The release after it, with one change of each kind."""
