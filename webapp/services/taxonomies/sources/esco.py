"""
ESCO, the European classification of skills and occupations, as its CSV download has it (releases 1.1 and 1.2).

Tables of concepts share most columns and name their kind in ``conceptType``, so that one reader serves skills, skill
groups, ISCO groups, occupations and the collections; columns that a release lacks are empty.  Alternative labels are
parted by line ends or by `` | ``.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from webapp.models.taxonomy import ConceptKind, RelationKind, TaxonomyCode
from webapp.services.taxonomies.archive import Files
from webapp.services.taxonomies.draft import LEFT_TWICE, ConceptDraft, ReleaseDraft, Standing, scope, unique_names
from webapp.services.taxonomies.sources.base import LABEL_LENGTH, FileKind, Progress, Reading, read_files
from webapp.services.taxonomies.tables import Line
from webapp.services.word_index import fold

_ISCO = "http://data.europa.eu/esco/isco/C"
_LEFT_STATUS = "are not released"
_SEPARATOR = re.compile(r"\r?\n| \| ")
_KINDS = {
    "SkillGroup": ConceptKind.GROUP,
    "ISCOGroup": ConceptKind.OCCUPATION_GROUP,
    "Occupation": ConceptKind.OCCUPATION,
}
_SKILL = "KnowledgeSkillCompetence"
_LABELLED = "label:"
_SKILL_KINDS = {"": ConceptKind.SKILL, "skill/competence": ConceptKind.SKILL, "knowledge": ConceptKind.KNOWLEDGE}
_ABILITIES = (ConceptKind.SKILL, ConceptKind.KNOWLEDGE)
_RELATIONS = {"essential": RelationKind.ESSENTIAL, "optional": RelationKind.OPTIONAL}
_COLLECTION = re.compile(r"([a-z]+?)(?:occupational)?(?:occupations|skills)?collection", re.IGNORECASE)


def _labels(reading: Reading, line: Line, column: str, preferred: str) -> tuple[str, ...]:
    labels = [label.strip() for label in _SEPARATOR.split(line.get(column)) if label.strip()]
    for label in labels:
        if len(label) > LABEL_LENGTH:
            reading.refuse(line, column, f"A label has {len(label)} characters; at most {LABEL_LENGTH} are accepted.")
    return unique_names(preferred, labels)


def _kind_of(reading: Reading, line: Line) -> ConceptKind | None:
    name = line.get("conceptType")
    if name == _SKILL:
        kind = _SKILL_KINDS.get(line.get("skillType"))
        if kind is None:
            reading.refuse(line, "skillType", f"“{line.get('skillType')}” is neither skill/competence nor knowledge.")
        return kind
    if name not in _KINDS:
        reading.refuse(line, "conceptType", f"“{name}” is no type of concept: {_SKILL}, {', '.join(_KINDS)}.")
    return _KINDS.get(name)


def _concept(reading: Reading, line: Line, standing: Standing) -> ConceptDraft | None:
    """Add the concept of a row and return it; None if the row says nothing."""
    if line.get("status") not in {"", "released"}:
        reading.leave_out(_LEFT_STATUS)
        return None
    kind, uri = _kind_of(reading, line), reading.uri(line, "conceptUri")
    label = reading.text(line, "preferredLabel")
    if kind is None or uri is None or label is None:
        return None
    if reading.repeats(line, uri, label, "preferredLabel"):
        reading.leave_out(LEFT_TWICE)
        return None
    collection = _COLLECTION.match(line.file.rpartition("/")[2]) if standing is Standing.SELECTION else None
    reuse = line.get("reuseLevel")
    concept = ConceptDraft(
        uri=uri,
        kind=kind,
        label=label,
        standing=standing,
        code=reading.code(line, "code"),
        description=line.get("description") or line.get("definition"),
        alternatives=_labels(reading, line, "altLabels", label),
        hidden=_labels(reading, line, "hiddenLabels", label),
        collections=(collection[1].lower(),) if collection else (),
        facts={"reuse_level": reuse} if reuse else {},
    )
    reading.draft.add_concept(concept)
    return concept


def _read_concept(reading: Reading, line: Line) -> None:
    concept = _concept(reading, line, Standing.MAIN)
    if concept is None:
        return
    reading.draft.covers |= set(_ABILITIES if concept.kind in _ABILITIES else (concept.kind,))
    group = line.get("iscoGroup")
    if group:
        concept.facts["isco_group"] = group


def _read_collected(reading: Reading, line: Line) -> None:
    concept = _concept(reading, line, Standing.SELECTION)
    if concept is not None:
        for broader in line.get("broaderConceptUri").split(" | "):
            if broader.strip():
                reading.draft.relate(concept.uri, broader.strip(), RelationKind.BROADER)


def _read_hierarchy(reading: Reading, line: Line) -> None:
    path = [level for level in range(4) if line.get(f"Level {level} URI")]
    deepest = path[-1] if path else 0
    uri = reading.uri(line, f"Level {deepest} URI")
    label = reading.text(line, f"Level {deepest} preferred term")
    if uri is None or label is None:
        return
    reading.draft.covers.add(ConceptKind.GROUP)
    reading.draft.add_concept(
        ConceptDraft(
            uri=uri,
            kind=ConceptKind.GROUP,
            label=label,
            standing=Standing.SELECTION,
            code=reading.code(line, f"Level {deepest} code"),
            description=line.get("Description"),
        )
    )
    if deepest:
        reading.draft.relate(uri, line.get(f"Level {deepest - 1} URI"), RelationKind.BROADER)


def _read_broader(reading: Reading, line: Line) -> None:
    uri, broader = reading.uri(line, "conceptUri"), reading.uri(line, "broaderUri")
    if uri is None or broader is None:
        return
    if uri == broader:
        reading.refuse(line, "broaderUri", "A concept cannot belong to itself.")
    elif reading.repeats(line, (uri, broader), "", "broaderUri"):
        reading.leave_out(LEFT_TWICE)
    else:
        reading.draft.relate(uri, broader, RelationKind.BROADER, file=reading.number)


def _read_relation(from_column: str, to_column: str, kind_column: str = "relationType") -> Callable[..., None]:
    def read(reading: Reading, line: Line) -> None:
        uri, other = reading.uri(line, from_column), reading.uri(line, to_column)
        kind = _RELATIONS.get(line.get(kind_column))
        if kind is None:
            reading.refuse(line, kind_column, f"“{line.get(kind_column)}” is neither essential nor optional.")
        if uri is None or other is None or kind is None:
            return
        if reading.repeats(line, (uri, other, kind), "", kind_column):
            reading.leave_out(LEFT_TWICE)
        else:
            reading.draft.relate(uri, other, kind, file=reading.number)

    return read


def _read_group_skill(reading: Reading, line: Line) -> None:
    """Read a skill of an ISCO group: a table that others derived from ESCO, with labels alone."""
    code = reading.text(line, "isco08_code", longest=4)
    uri, label = reading.uri(line, "skill_uri"), reading.text(line, "skill_label")
    kind = _RELATIONS.get(line.get("skill_type"))
    if kind is None:
        reading.refuse(line, "skill_type", f"“{line.get('skill_type')}” is neither essential nor optional.")
    if code is None or uri is None or label is None or kind is None:
        return
    reading.draft.add_concept(ConceptDraft(uri, ConceptKind.SKILL, label, Standing.MENTION))
    if reading.repeats(line, (code, uri, kind), "", "skill_type"):
        reading.leave_out(LEFT_TWICE)
    else:
        reading.draft.relate(_ISCO + code, uri, kind, file=reading.number)


def _read_plain_occupation(reading: Reading, line: Line) -> None:
    uri, label = reading.uri(line, "uri"), reading.text(line, "label")
    if uri is None or label is None:
        return
    if reading.repeats(line, uri, label, "label"):
        reading.leave_out(LEFT_TWICE)
        return
    reading.draft.add_concept(
        ConceptDraft(
            uri=uri,
            kind=ConceptKind.OCCUPATION,
            label=label,
            standing=Standing.SELECTION,
            description=line.get("description"),
            alternatives=_labels(reading, line, "altLabel", label),
        )
    )


def _read_labelled_skill(reading: Reading, line: Line) -> None:
    """Read a skill of an occupation that is named by its label alone; whether it is essential is not said."""
    uri, label = reading.uri(line, "occupation_uri"), reading.text(line, "skill_label")
    kind = {"skill": ConceptKind.SKILL, "knowledge": ConceptKind.KNOWLEDGE}.get(line.get("kind"))
    if kind is None:
        reading.refuse(line, "kind", f"“{line.get('kind')}” is neither skill nor knowledge.")
    if uri is None or label is None or kind is None:
        return
    other = _LABELLED + fold(label).replace(" ", "-")
    reading.draft.add_concept(ConceptDraft(other, kind, label, Standing.MENTION))
    if reading.repeats(line, (uri, other), "", "skill_label"):
        reading.leave_out(LEFT_TWICE)
    else:
        reading.draft.relate(uri, other, RelationKind.RELATED, file=reading.number)


def _identify_labelled(draft: ReleaseDraft) -> None:
    """Put the concepts that the release describes in the place of those named by their label alone."""
    by_label = {
        fold(concept.label): concept.uri
        for concept in draft.concepts.values()
        if concept.kind in _ABILITIES and not concept.uri.startswith(_LABELLED)
    }
    known = {
        concept.uri: by_label[fold(concept.label)]
        for concept in draft.concepts.values()
        if concept.uri.startswith(_LABELLED) and fold(concept.label) in by_label
    }
    for (uri, other, kind), relation in list(draft.relations.items()):
        if other in known:
            del draft.relations[uri, other, kind]
            there = draft.relations.get((uri, known[other], kind))
            if there is None:
                draft.relations[uri, known[other], kind] = relation
            else:
                there.files = (*there.files, *relation.files)
    for uri in known:
        del draft.concepts[uri]


def _derive_broader(draft: ReleaseDraft) -> None:
    """Place occupations and ISCO groups by their codes where no file of the release places them."""
    placed = {uri for uri, _, kind in draft.relations if kind is RelationKind.BROADER}
    occupations = {
        concept.code: concept.uri for concept in draft.concepts.values() if concept.kind is ConceptKind.OCCUPATION
    }
    for concept in draft.concepts.values():
        if concept.uri in placed:
            continue
        if concept.kind is ConceptKind.OCCUPATION_GROUP and len(concept.code) > 1:
            draft.relate(concept.uri, _ISCO + concept.code[:-1], RelationKind.BROADER)
        elif concept.kind is ConceptKind.OCCUPATION:
            parent = occupations.get(concept.code.rpartition(".")[0])
            group = concept.facts.get("isco_group")
            if parent or group:
                draft.relate(concept.uri, parent or f"{_ISCO}{group}", RelationKind.BROADER)


def _holds(*types: str) -> Callable[[Line], bool]:
    return lambda line: line.get("conceptType") in types


_CONCEPT_COLUMNS = frozenset({"conceptType", "conceptUri", "preferredLabel"})
_BROADER = (RelationKind.BROADER,)
_SKILL_PILLAR = (*_ABILITIES, ConceptKind.GROUP)
_ISCO_GROUPS = (ConceptKind.OCCUPATION_GROUP,)
_OCCUPATIONS = (ConceptKind.OCCUPATION,)
_OCCUPATION_PILLAR = (*_OCCUPATIONS, *_ISCO_GROUPS)
_ASKED = tuple(_RELATIONS.values())

KINDS = (
    FileKind(
        "Collection",
        "transversalSkillsCollection_en.csv",
        _CONCEPT_COLUMNS | {"broaderConceptUri"},
        _read_collected,
        names=r"\w*collection[a-z]{2}",
        expected=False,
    ),
    FileKind(
        "Skills", "skills_en.csv", _CONCEPT_COLUMNS, _read_concept, names=r"skills[a-z]{2}", accepts=_holds(_SKILL)
    ),
    FileKind(
        "Skill groups",
        "skillGroups_en.csv",
        _CONCEPT_COLUMNS,
        _read_concept,
        names=r"skillgroups[a-z]{2}",
        accepts=_holds("SkillGroup"),
    ),
    FileKind(
        "ISCO groups",
        "ISCOGroups_en.csv",
        _CONCEPT_COLUMNS | {"code"},
        _read_concept,
        scopes=scope(_ISCO_GROUPS, _BROADER, _ISCO_GROUPS),
        names=r"iscogroups[a-z]{2}",
        accepts=_holds("ISCOGroup"),
    ),
    FileKind(
        "Occupations",
        "occupations_en.csv",
        _CONCEPT_COLUMNS | {"iscoGroup"},
        _read_concept,
        scopes=scope(_OCCUPATIONS, _BROADER, _OCCUPATION_PILLAR),
        names=r"occupations[a-z]{2}",
        accepts=_holds("Occupation"),
    ),
    # Whose type no kind above accepts: the reader says which cell is wrong.
    FileKind("Concepts", "", _CONCEPT_COLUMNS, _read_concept, expected=False),
    FileKind(
        "Hierarchy of skill groups",
        "skillsHierarchy_en.csv",
        frozenset({"Level 0 URI", "Level 0 preferred term", "Level 1 URI", "Level 1 preferred term"}),
        _read_hierarchy,
        names=r"skillshierarchy[a-z]{2}",
        short_rows=True,
    ),
    FileKind(
        "What skills belong to",
        "broaderRelationsSkillPillar_en.csv",
        frozenset({"conceptType", "conceptUri", "broaderUri"}),
        _read_broader,
        scopes=scope(_SKILL_PILLAR, _BROADER, _SKILL_PILLAR),
        names=r"broaderrelationsskillpillar([a-z]{2})?",
        accepts=_holds(_SKILL, "SkillGroup"),
    ),
    FileKind(
        "What occupations belong to",
        "broaderRelationsOccPillar_en.csv",
        frozenset({"conceptType", "conceptUri", "broaderUri"}),
        _read_broader,
        scopes=scope(_OCCUPATION_PILLAR, _BROADER, _OCCUPATION_PILLAR),
        names=r"broaderrelationsoccpillar([a-z]{2})?",
        accepts=_holds("Occupation", "ISCOGroup"),
        expected=False,
    ),
    FileKind(
        "Skills beside skills",
        "skillSkillRelations_en.csv",
        frozenset({"originalSkillUri", "relationType", "relatedSkillUri"}),
        _read_relation("originalSkillUri", "relatedSkillUri"),
        scopes=scope(_ABILITIES, _ASKED, _ABILITIES),
        names=r"skillskillrelations([a-z]{2})?",
    ),
    FileKind(
        "Skills of occupations",
        "occupationSkillRelations_en.csv",
        frozenset({"occupationUri", "relationType", "skillUri"}),
        _read_relation("occupationUri", "skillUri"),
        scopes=scope(_OCCUPATIONS, _ASKED, _ABILITIES),
        names=r"occupationskillrelations([a-z]{2})?",
    ),
    FileKind(
        "Skills of ISCO groups",
        "",
        frozenset({"isco08_code", "skill_uri", "skill_label", "skill_type"}),
        _read_group_skill,
        expected=False,
    ),
    FileKind(
        "Occupations by label",
        "",
        frozenset({"uri", "label", "altLabel", "description"}),
        _read_plain_occupation,
        expected=False,
    ),
    FileKind(
        "Skills of occupations by label",
        "",
        frozenset({"occupation_uri", "occupation_label", "kind", "skill_label"}),
        _read_labelled_skill,
        expected=False,
    ),
)


def read_esco(files: Files, *, report: Progress) -> ReleaseDraft:
    """
    Return what the files of an ESCO release say.

    Raises
    ------
    ReleaseRefusedError
        If a file is malformed, or none is known.
    """
    draft = read_files(TaxonomyCode.ESCO, files, KINDS, report=report)
    _identify_labelled(draft)
    _derive_broader(draft)
    return draft
