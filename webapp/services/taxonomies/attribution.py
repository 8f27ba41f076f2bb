"""What the publishers of the taxonomies ask to be said wherever their words are shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.models import TaxonomyCode


@dataclass(frozen=True, slots=True)
class Publication:
    """A taxonomy as it is published."""

    name: str
    about: str
    attribution: str
    licence: str
    licence_url: str
    download_url: str


PUBLICATIONS: Mapping[TaxonomyCode, Publication] = {
    TaxonomyCode.ESCO: Publication(
        name="ESCO",
        about="European Skills, Competences, Qualifications and Occupations: skills and occupations of all trades.",
        attribution="This service uses the ESCO classification of the European Commission.",
        licence="Reuse is authorised with attribution (Commission Decision 2011/833/EU).",
        licence_url="https://esco.ec.europa.eu/en/use-esco/download",
        download_url="https://esco.ec.europa.eu/en/use-esco/download",
    ),
    TaxonomyCode.ONET: Publication(
        name="O*NET",
        about="The occupational database of the United States: skills, knowledge and technologies by occupation.",
        attribution=(
            "This site includes information from the O*NET Database by the U.S. Department of Labor, Employment and "
            "Training Administration (USDOL/ETA). Used under the CC BY 4.0 license. O*NET® is a trademark of "
            "USDOL/ETA. Mainstay has modified all or some of this information. USDOL/ETA has not approved, endorsed, "
            "or tested these modifications."
        ),
        licence="Creative Commons Attribution 4.0 International",
        licence_url="https://creativecommons.org/licenses/by/4.0/",
        download_url="https://www.onetcenter.org/database.html",
    ),
}
