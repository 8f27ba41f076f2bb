"""
O*NET, the occupational database of the United States, as its text, CSV or XLSX files have it (releases 20 to 30).

Ratings are rescaled to run from 0 to 100, as O*NET OnLine shows them: importance, scale ``IM`` from 1 to 5, becomes
(v − 1) ÷ 4 × 100; level, scale ``LV`` from 0 to 7, becomes v ÷ 7 × 100.  In general (v − L) ÷ (H − L) × 100 for a scale
from L to H: National Center for O*NET Development, "Scales, Ratings, and Standardized Scores",
https://www.onetonline.org/help/online/scales.  A skill is essential to an occupation from an importance of 50 on, which
is "important" on O*NET's scale, and optional below; a technology is essential where employers ask for it often (``In
Demand``).  Ratings that O*NET recommends to suppress, or that are not relevant, are left out and counted.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from webapp.models.taxonomy import ConceptKind, RelationKind, TaxonomyCode
from webapp.services.taxonomies.archive import Files
from webapp.services.taxonomies.draft import LEFT_TWICE, ConceptDraft, ReleaseDraft, Standing, scope
from webapp.services.taxonomies.sources.base import FileKind, Progress, Reading, read_files
from webapp.services.taxonomies.tables import Line

SCALES = {"IM": (1.0, 5.0), "LV": (0.0, 7.0)}
ESSENTIAL_FROM = 50.0

LEFT_SUPPRESSED = "are recommended to be suppressed"
LEFT_NOT_RELEVANT = "are rated as not relevant"
LEFT_OUTSIDE = "are of other parts of the content model"

_SOC = "O*NET-SOC Code"
_ABILITIES = {"2.A": ConceptKind.SKILL, "2.B": ConceptKind.SKILL, "2.C": ConceptKind.KNOWLEDGE}
_TECHNOLOGY = "onet:technology"
_FLAGS = {"Y": True, "N": False, "": False, "N/A": False, "n/a": False}


def rescale(value: float, scale: str) -> float:
    """
    Return a rating on a scale from 0 to 100, rounded to two digits: (v − L) ÷ (H − L) × 100.

    Parameters
    ----------
    value
        The rating on O*NET's own scale.
    scale
        ``IM`` for importance, 1 to 5, or ``LV`` for level, 0 to 7.
    """
    lowest, highest = SCALES[scale]
    return round((value - lowest) / (highest - lowest) * 100, 2)


def _uri(code: str) -> str:
    return f"onet:{code}"


def _soc(reading: Reading, line: Line, column: str = _SOC) -> str | None:
    return reading.text(line, column, longest=20)


def _flag(reading: Reading, line: Line, column: str) -> bool:
    value = line.get(column)
    if value not in _FLAGS:
        reading.refuse(line, column, f"“{value[:20]}” is neither Y nor N.")
    return _FLAGS.get(value, False)


def _read_occupation(reading: Reading, line: Line) -> None:
    code, label = _soc(reading, line), reading.text(line, "Title")
    if code is None or label is None:
        return
    if reading.repeats(line, code, label, "Title"):
        reading.leave_out(LEFT_TWICE)
        return
    reading.draft.covers.add(ConceptKind.OCCUPATION)
    reading.draft.add_concept(
        ConceptDraft(
            uri=_uri(code),
            kind=ConceptKind.OCCUPATION,
            label=label,
            standing=Standing.MAIN,
            code=code,
            description=line.get("Description"),
        )
    )


def _read_titles(*columns: str) -> Callable[[Reading, Line], None]:
    def read(reading: Reading, line: Line) -> None:
        code, first = _soc(reading, line), reading.text(line, columns[0])
        if code is None or first is None:
            return
        names = [first, *(line.get(column) for column in columns[1:])]
        if reading.repeats(line, (code, first), "", columns[0]):
            reading.leave_out(LEFT_TWICE)
            return
        reading.draft.names.setdefault(_uri(code), []).extend(
            (name, reading.number if place == 0 else None)
            for place, name in enumerate(names)
            if name and name.lower() != "n/a"
        )

    return read


def _read_related(reading: Reading, line: Line) -> None:
    code, other = _soc(reading, line), _soc(reading, line, "Related O*NET-SOC Code")
    if code is None or other is None:
        return
    if reading.repeats(line, (code, other), "", "Related O*NET-SOC Code"):
        reading.leave_out(LEFT_TWICE)
    else:
        reading.draft.relate(_uri(code), _uri(other), RelationKind.RELATED, file=reading.number)


def _read_job_zone(reading: Reading, line: Line) -> None:
    code, zone = _soc(reading, line), line.get("Job Zone")
    if zone not in {"1", "2", "3", "4", "5"}:
        reading.refuse(line, "Job Zone", f"“{zone[:20]}” is no job zone from 1 to 5.")
    elif code is not None and reading.repeats(line, code, zone, "Job Zone"):
        reading.leave_out(LEFT_TWICE)
    elif code is not None:
        reading.draft.facts.setdefault(_uri(code), []).append(("job_zone", int(zone), reading.number))


def _read_rating(reading: Reading, line: Line) -> None:
    code, element = _soc(reading, line), reading.text(line, "Element ID", longest=40)
    label = line.get("Element Name") or element
    kind = _ABILITIES.get((element or "")[:3])
    scale, value = line.get("Scale ID"), _rating(reading, line)
    if element is not None and kind is None:
        reading.refuse(line, "Element ID", f"“{element}” is no skill (2.A, 2.B) and no knowledge (2.C).")
    if code is None or element is None or label is None or kind is None or value is None:
        return
    reading.draft.covers.add(kind)
    reading.draft.add_concept(ConceptDraft(_uri(element), kind, label, Standing.SELECTION, code=element))
    if _flag(reading, line, "Recommend Suppress"):
        reading.leave_out(LEFT_SUPPRESSED)
    elif _flag(reading, line, "Not Relevant"):
        reading.leave_out(LEFT_NOT_RELEVANT)
    elif reading.repeats(line, (code, element, scale), str(value), "Data Value"):
        reading.leave_out(LEFT_TWICE)
    else:
        rated = rescale(value, scale)
        reading.draft.relate(
            _uri(code),
            _uri(element),
            RelationKind.OPTIONAL,
            file=reading.number,
            importance=rated if scale == "IM" else None,
            level=rated if scale == "LV" else None,
        )


def _rating(reading: Reading, line: Line) -> float | None:
    scale, text = line.get("Scale ID"), line.get("Data Value")
    if scale not in SCALES:
        reading.refuse(line, "Scale ID", f"“{scale[:20]}” is neither IM (importance) nor LV (level).")
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    lowest, highest = SCALES[scale]
    if not lowest <= value <= highest:
        reading.refuse(line, "Data Value", f"“{text[:20]}” is no number from {lowest:g} to {highest:g}.")
        return None
    return value


def _read_technology(reading: Reading, line: Line) -> None:
    code, name = _soc(reading, line), reading.text(line, "Example", longest=200)
    commodity, title = reading.text(line, "Commodity Code", longest=20), reading.text(line, "Commodity Title")
    if code is None or name is None or commodity is None or title is None:
        return
    if reading.repeats(line, (code, name, commodity), "", "Example"):
        reading.leave_out(LEFT_TWICE)
        return
    draft, uri, group = reading.draft, _uri(f"technology:{name}"), _uri(f"commodity:{commodity}")
    draft.covers |= {ConceptKind.TECHNOLOGY}
    # The file has a hundred headings and none over them: one more keeps the tree small at its root.
    draft.add_concept(ConceptDraft(_TECHNOLOGY, ConceptKind.GROUP, "Technology skills", Standing.SELECTION))
    draft.add_concept(ConceptDraft(group, ConceptKind.GROUP, title, Standing.SELECTION, code=commodity))
    draft.relate(group, _TECHNOLOGY, RelationKind.BROADER)
    facts = {"hot_technology": True} if _flag(reading, line, "Hot Technology") else {}
    draft.add_concept(ConceptDraft(uri, ConceptKind.TECHNOLOGY, name, Standing.SELECTION, facts=facts))
    draft.relate(uri, group, RelationKind.BROADER)
    asked = RelationKind.ESSENTIAL if _flag(reading, line, "In Demand") else RelationKind.OPTIONAL
    draft.relate(_uri(code), uri, asked, file=reading.number)


def _read_element(reading: Reading, line: Line) -> None:
    element, label = reading.text(line, "Element ID", longest=40), reading.text(line, "Element Name")
    if element is None or label is None:
        return
    if element[:3] not in _ABILITIES:
        reading.leave_out(LEFT_OUTSIDE)
        return
    if reading.repeats(line, element, label, "Element Name"):
        reading.leave_out(LEFT_TWICE)
        return
    reading.draft.covers.add(ConceptKind.GROUP)
    reading.draft.add_concept(
        ConceptDraft(
            uri=_uri(element),
            kind=_ABILITIES[element[:3]],
            label=label,
            standing=Standing.MAIN,
            code=element,
            description=line.get("Description"),
        )
    )
    if len(element) > 3:
        reading.draft.relate(_uri(element), _uri(element.rpartition(".")[0]), RelationKind.BROADER)


def _finish(draft: ReleaseDraft) -> None:
    """Tell groups from skills, essential from optional, and give occupations their further titles and job zones."""
    parents = {other for _, other, kind in draft.relations if kind is RelationKind.BROADER}
    for concept in draft.concepts.values():
        if concept.uri in parents:
            concept.kind = ConceptKind.GROUP
        elif concept.kind is ConceptKind.TECHNOLOGY:
            concept.facts.setdefault("hot_technology", False)
    if ConceptKind.TECHNOLOGY not in draft.covers:
        # Headings of technologies are groups, too: without their file, none of them counts as removed.
        draft.covers.discard(ConceptKind.GROUP)
    if not any(report.title == "Alternate titles" for report in draft.files):
        draft.unnamed.add(ConceptKind.OCCUPATION)
    for key, relation in list(draft.relations.items()):
        if relation.importance is not None and relation.importance >= ESSENTIAL_FROM:
            draft.relations[key[0], key[1], RelationKind.ESSENTIAL] = draft.relations.pop(key)
    draft.attach()


_RATED = frozenset({_SOC, "Element ID", "Scale ID", "Data Value"})
_ASKED = (RelationKind.ESSENTIAL, RelationKind.OPTIONAL)
_OCCUPATIONS = (ConceptKind.OCCUPATION,)
_GROUPED = (ConceptKind.SKILL, ConceptKind.KNOWLEDGE, ConceptKind.GROUP)

KINDS = (
    FileKind(
        "Alternate titles",
        "Alternate Titles.txt",
        frozenset({_SOC, "Alternate Title"}),
        _read_titles("Alternate Title", "Short Title"),
        names="alternatetitles",
    ),
    FileKind(
        "Reported titles",
        "Sample of Reported Titles.txt",
        frozenset({_SOC, "Reported Job Title"}),
        _read_titles("Reported Job Title"),
        names="sampleofreportedtitles",
        expected=False,
    ),
    FileKind(
        "Related occupations",
        "Related Occupations.txt",
        frozenset({_SOC, "Related O*NET-SOC Code"}),
        _read_related,
        scopes=scope(_OCCUPATIONS, (RelationKind.RELATED,), _OCCUPATIONS),
        names="relatedoccupations",
    ),
    FileKind("Job zones", "Job Zones.txt", frozenset({_SOC, "Job Zone"}), _read_job_zone, names="jobzones"),
    FileKind(
        "Skills",
        "Skills.txt",
        _RATED,
        _read_rating,
        scopes=scope(_OCCUPATIONS, _ASKED, (ConceptKind.SKILL,)),
        names="skills",
        accepts=lambda line: line.get("Element ID").startswith(("2.A.", "2.B.")),
    ),
    FileKind(
        "Knowledge",
        "Knowledge.txt",
        _RATED,
        _read_rating,
        scopes=scope(_OCCUPATIONS, _ASKED, (ConceptKind.KNOWLEDGE,)),
        names="knowledge",
        accepts=lambda line: line.get("Element ID").startswith("2.C."),
    ),
    FileKind(
        "Technology skills",
        "Technology Skills.txt",
        frozenset({_SOC, "Example", "Commodity Code", "Commodity Title"}),
        _read_technology,
        scopes=scope(_OCCUPATIONS, _ASKED, (ConceptKind.TECHNOLOGY,))
        | scope((ConceptKind.TECHNOLOGY,), (RelationKind.BROADER,), (ConceptKind.GROUP,)),
        names="technologyskills",
    ),
    FileKind(
        "Occupations",
        "Occupation Data.txt",
        frozenset({_SOC, "Title", "Description"}),
        _read_occupation,
        names="occupationdata",
    ),
    FileKind(
        "Content model",
        "Content Model Reference.txt",
        frozenset({"Element ID", "Element Name", "Description"}),
        _read_element,
        scopes=scope(_GROUPED, (RelationKind.BROADER,), (ConceptKind.GROUP,)),
        names="contentmodelreference",
        accepts=lambda line: not line.get(_SOC) and not line.get("Scale ID"),
    ),
)


def read_onet(files: Files, *, report: Progress) -> ReleaseDraft:
    """
    Return what the files of an O*NET release say.

    Raises
    ------
    ReleaseRefusedError
        If a file is malformed, or none is known.
    """
    draft = read_files(TaxonomyCode.ONET, files, KINDS, report=report)
    _finish(draft)
    return draft
