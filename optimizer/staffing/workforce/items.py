"""
What a workforce plan is made of: profiles of people, demand, and the ways to change who can do what.

Each part checks itself when it is made and names the field that is wrong; `WorkforceProblem` checks what refers to
what. Money is in one currency of the caller's choice, people are heads, work is in full-time equivalents (FTE).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from optimizer.reading import Findings, integer, number, text

__all__ = ["Course", "Demand", "Entry", "EntryKind", "Outsourcing", "Present", "Profile"]


class EntryKind(StrEnum):
    """Where people come from."""

    HIRE = "hire"
    PROMOTE_IN = "promote_in"
    """From another department of the company."""


@dataclass(frozen=True, slots=True)
class Profile:
    """People who have the same skills and the same pay.

    Attributes
    ----------
    skills
        What each of them can serve, one thing at a time.
    pay
        Of one person and quarter.
    attrition
        Share that leaves between one quarter and the next, in [0, 1).
    """

    id: str
    skills: frozenset[str]
    pay: float = 0.0
    attrition: float = 0.0

    def __post_init__(self) -> None:
        findings = Findings()
        text(self.id, findings.at("id"))
        check_texts(self.skills, findings.at("skills"))
        findings.at("skills").require(self.skills, "must name at least one skill")
        check_number(self.pay, findings.at("pay"))
        attrition = check_number(self.attrition, findings.at("attrition"))
        findings.at("attrition").require(attrition < 1, f"must be below 1, not {self.attrition}")
        findings.raise_if_any()


@dataclass(frozen=True, slots=True)
class Present:
    """People of one profile who are at a site when the first quarter begins; parts of a person may be part-time."""

    site: str
    profile: str
    people: float

    def __post_init__(self) -> None:
        findings = Findings()
        check_number(self.people, findings.at("people"))
        findings.raise_if_any()


@dataclass(frozen=True, slots=True)
class Demand:
    """Work in one skill at one site.

    Attributes
    ----------
    fte
        Productive people needed in each quarter, as `optimizer.staffing.requirement` computes them.
    penalty
        Of one FTE that a quarter lacks, in money.
    """

    site: str
    skill: str
    fte: tuple[float, ...]
    penalty: float

    def __post_init__(self) -> None:
        findings = Findings()
        for quarter, fte in enumerate(self.fte):
            check_number(fte, findings.at("fte", quarter))
        check_number(self.penalty, findings.at("penalty"))
        findings.raise_if_any()


@dataclass(frozen=True, slots=True)
class Course:
    """Training that adds one skill to people who have others.

    Attributes
    ----------
    adds
        The skill that its learners have afterwards.
    quarters
        Its length; who begins in quarter t has the skill from t + quarters on.
    cost, class_cost
        Of one learner, and of one class at one site, when it begins.
    class_size
        Most learners of one class.
    requires
        Skills that its learners have before.
    seats
        Most learners who begin in one quarter, over all sites; None for no limit.
    mentor_minutes
        Of one learner and quarter, from somebody at the site who has the skill.
    working_share
        Share of a learner's time that goes into their present work, in [0, 1].
    """

    id: str
    adds: str
    quarters: int
    cost: float
    class_cost: float
    class_size: int
    requires: frozenset[str] = frozenset()
    seats: int | None = None
    mentor_minutes: float = 0.0
    working_share: float = 0.0

    def __post_init__(self) -> None:
        findings = Findings()
        text(self.id, findings.at("id"))
        text(self.adds, findings.at("adds"))
        check_texts(self.requires, findings.at("requires"))
        findings.at("requires").require(self.adds not in self.requires, f"must not hold {self.adds!r}, which it adds")
        for name in ("quarters", "class_size"):
            whole = check_whole(getattr(self, name), findings.at(name))
            findings.at(name).require(whole >= 1, "must be at least 1")
        if self.seats is not None:
            check_whole(self.seats, findings.at("seats"))
        for name in ("cost", "class_cost", "mentor_minutes"):
            check_number(getattr(self, name), findings.at(name))
        check_number(self.working_share, findings.at("working_share"), most=1.0)
        findings.raise_if_any()


@dataclass(frozen=True, slots=True)
class Entry:
    """A way for people to come to a site: hired, or promoted in from another department.

    Attributes
    ----------
    profile
        What they are once they have found their feet.
    cost
        Of one person when they come.
    pay
        Of one person and quarter while they find their feet; after that their profile's.
    ramp
        Share of full productivity in each quarter from the first on, in [0, 1]; full afterwards.
    most
        Most people who come in one quarter: what recruiting can do, or the seats that were approved.
    mentor_minutes
        Of one newcomer and quarter of the ramp, in equal parts from people at the site who have each of the skills.
    """

    id: str
    kind: EntryKind
    site: str
    profile: str
    cost: float
    pay: float
    most: int
    ramp: tuple[float, ...] = ()
    mentor_minutes: float = 0.0

    def __post_init__(self) -> None:
        findings = Findings()
        text(self.id, findings.at("id"))
        findings.at("kind").require(
            self.kind in set(EntryKind), f"must be one of {', '.join(EntryKind)}, not {self.kind!r}"
        )
        for name in ("cost", "pay", "mentor_minutes"):
            check_number(getattr(self, name), findings.at(name))
        check_whole(self.most, findings.at("most"))
        for quarter, share in enumerate(self.ramp):
            check_number(share, findings.at("ramp", quarter), most=1.0)
        findings.raise_if_any()


@dataclass(frozen=True, slots=True)
class Outsourcing:
    """Somebody else's people for one skill at one site: their cost for an FTE and quarter, and the most of them."""

    site: str
    skill: str
    cost: float
    most: float

    def __post_init__(self) -> None:
        findings = Findings()
        check_number(self.cost, findings.at("cost"))
        check_number(self.most, findings.at("most"))
        findings.raise_if_any()


def check_number(value: object, where: Findings, *, most: float = inf) -> float:
    """Return a number from 0 to `most`; note it if the value is something else."""
    real = number(value, where)
    where.require(real >= 0, f"must not be negative, not {value}")
    where.require(real <= most, f"must be at most {most:g}, not {value}")
    return real


def check_whole(value: object, where: Findings) -> int:
    """Return a whole number that is not negative; note it if the value is something else."""
    whole = integer(value, where)
    where.require(whole >= 0, f"must not be negative, not {value}")
    return whole


def check_texts(values: object, where: Findings) -> None:
    """Note it unless a value is a set of texts; a plain text would count as the set of its letters."""
    if not isinstance(values, frozenset):
        where.add(f"must be a frozen set of texts, not {type(values).__name__}")
        return
    for value in sorted(values, key=str):
        text(value, where)
