"""
The kinds of job: how often each is tried and with which pauses, how long it may take, and which quota it counts to.

Each body of :mod:`webapp.jobs` has its entry here; a test compares the two lists. A kind that this version no longer
knows, such as that of an old row, has the settings of :class:`JobKind` itself.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from webapp.errors import InvalidInputError

OTHER_GROUP = "other"


@dataclass(frozen=True, slots=True)
class JobKind:
    """
    The settings of a kind of job.

    Parameters
    ----------
    title
        What it is, for people; empty where the kind says it.
    group
        Whose quota it counts to, a key of :data:`DEFAULT_QUOTAS`.
    max_attempts
        How often it is tried before it is dead.
    backoff_seconds, max_backoff_seconds
        The pause before the second attempt, which doubles with each one after it, and its limit.
    timeout_minutes
        How long one attempt may take; it is then given up, and tried again.
    """

    title: str = ""
    group: str = OTHER_GROUP
    max_attempts: int = 5
    backoff_seconds: float = 5.0
    max_backoff_seconds: float = 600.0
    timeout_minutes: float = 60.0

    def backoff(self, attempts: int, *, chance: float) -> dt.timedelta:
        """
        Return the pause after a number of attempts: exponential, with equal jitter.

        Half of the pause is certain and half of it is left to chance, so that jobs that failed together do not come
        back together (Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015).

        Parameters
        ----------
        attempts
            How often the job was tried, at least 1.
        chance
            A random number in [0, 1).
        """
        # Beyond 2^30 the limit has long been reached, and a float would overflow.
        doubled = self.backoff_seconds * 2.0 ** min(30, max(0, attempts - 1))
        return dt.timedelta(seconds=min(self.max_backoff_seconds, doubled) * (0.5 + 0.5 * chance))


@dataclass(frozen=True, slots=True)
class Quota:
    """How many jobs of a group a person may have: at work at once, and waiting beside these. Parts do not count."""

    running: int
    waiting: int


KINDS: Mapping[str, JobKind] = {
    "plan.solve": JobKind("Plan a day", group="plans", max_attempts=5, timeout_minutes=30),
    "plan.part": JobKind("Plan a part of a day", group="plans", max_attempts=5, timeout_minutes=30),
    "plan.many": JobKind("Plan several days or sites", group="plans", timeout_minutes=120),
    "import.check": JobKind("Check an import", group="imports", timeout_minutes=120),
    "import.apply": JobKind("Write an import", group="imports", timeout_minutes=240),
    "import.finish": JobKind("Finish an import", group="imports", timeout_minutes=240),
    "taxonomy.check": JobKind("Compare a release", group="imports", timeout_minutes=120),
    "taxonomy.apply": JobKind("Apply a release", group="imports", timeout_minutes=240),
    "single-points": JobKind("Search single points of failure", group="reports", timeout_minutes=15),
    "simulation.run": JobKind("Simulate", group="simulations", timeout_minutes=120),
    "scenario.solve": JobKind("Try a scenario", group="scenarios", timeout_minutes=15),
    "weights.try": JobKind("Try a weight on a past day", group="scenarios", timeout_minutes=30),
    "export.write": JobKind("Export", group="exports", max_attempts=3, timeout_minutes=60),
    "digests.send": JobKind("Weekly digests"),
    "engagements.day": JobKind("Look after engagements"),
    "check_ins.make": JobKind("Make check-ins"),
    "records.refresh": JobKind("Refresh records"),
    "records.count_work": JobKind("Count work"),
    "routing.prices": JobKind("Prices of live routing", max_attempts=2, timeout_minutes=5),
    "routing.remove_old": JobKind("Remove old routing"),
    "api.forget_answers": JobKind("Forget old answers of the API"),
    "renew-records": JobKind("Write records anew"),
    "intake.expire": JobKind("Let customers' words expire"),
    # Each delivery and each write counts its own attempts. These are the attempts of the job that sends them, which
    # fails only where the database does: that may take hours, and a long backlog longer than an attempt of most kinds.
    "webhooks.deliver": JobKind(
        "Send webhooks", max_attempts=8, backoff_seconds=30, max_backoff_seconds=3600, timeout_minutes=240
    ),
    "connections.write": JobKind(
        "Write to another system", max_attempts=8, backoff_seconds=30, max_backoff_seconds=3600, timeout_minutes=240
    ),
}

DEFAULT_QUOTAS: Mapping[str, Quota] = {
    "plans": Quota(running=2, waiting=5),
    "imports": Quota(running=2, waiting=5),
    "simulations": Quota(running=1, waiting=3),
    "scenarios": Quota(running=2, waiting=5),
    "exports": Quota(running=1, waiting=3),
    "reports": Quota(running=2, waiting=5),
    OTHER_GROUP: Quota(running=4, waiting=10),
}

_quotas: dict[str, Quota] = dict(DEFAULT_QUOTAS)


_DEFAULT = JobKind()


def get_kind(kind: str) -> JobKind:
    """Return the settings of a kind of job."""
    return KINDS.get(kind, _DEFAULT)


def title_of(kind: str) -> str:
    """Return what a kind of job is called in pages."""
    return get_kind(kind).title or kind.replace(".", " ").replace("_", " ").capitalize()


def kinds_of(group: str) -> list[str]:
    """Return the kinds that count to a group; those that are not listed count to :data:`OTHER_GROUP`."""
    return [name for name, kind in KINDS.items() if kind.group == group]


def quota_of(group: str) -> Quota:
    """Return the quota of a group as this installation has it."""
    return _quotas.get(group, _quotas[OTHER_GROUP])


def all_quotas() -> Mapping[str, Quota]:
    """Return the quota of each group."""
    return dict(_quotas)


def configure_quotas(changed: Mapping[str, Quota]) -> None:
    """Set the quotas of this process, once when it starts: the defaults, and what its configuration changes of them."""
    _quotas.clear()
    _quotas.update({**DEFAULT_QUOTAS, **changed})


def read_quotas(text: str) -> dict[str, Quota]:
    """
    Read quotas as they are configured, such as ``plans=2/5,imports=1/10``: running at once, and waiting beside these.

    Raises
    ------
    InvalidInputError
        If a group is unknown or a number is missing.
    """
    found = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        match = re.fullmatch(r"(\w+)\s*=\s*(\d{1,4})\s*/\s*(\d{1,4})", part)
        if match is None or match[1] not in DEFAULT_QUOTAS or int(match[2]) < 1:
            groups = ", ".join(DEFAULT_QUOTAS)
            raise InvalidInputError(
                f"{part!r} is no quota; write group=running/waiting, such as plans=2/5. Groups: {groups}."
            )
        found[match[1]] = Quota(running=int(match[2]), waiting=int(match[3]))
    return found
