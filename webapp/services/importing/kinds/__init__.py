"""The kinds of import, by name."""

from webapp.models import ImportKind
from webapp.services.importing.kinds.acd_log import AcdLog
from webapp.services.importing.kinds.base import Kind
from webapp.services.importing.kinds.engagements import Engagements
from webapp.services.importing.kinds.evaluations import Evaluations
from webapp.services.importing.kinds.events import SkillEvents
from webapp.services.importing.kinds.forecast import Forecasts
from webapp.services.importing.kinds.people import People
from webapp.services.importing.kinds.records import Records
from webapp.services.importing.kinds.shifts import Shifts
from webapp.services.importing.kinds.skills import Skills
from webapp.services.importing.kinds.types import Types

KINDS: dict[ImportKind, type[Kind]] = {
    kind.name: kind
    for kind in (People, Skills, Records, SkillEvents, Evaluations, Shifts, Types, Engagements, Forecasts, AcdLog)
}

__all__ = ["KINDS", "Kind"]
