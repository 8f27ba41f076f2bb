"""Rules of routing: by what free agents, and waiting contacts, are ranked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

RANKINGS = ("idle", "skill", "priority", "value")

_AMOUNTS = (
    "theta",
    "cover",
    "reserve_seconds",
    "batch_seconds",
    "urgency",
    "ageing",
    "crowding",
    "settle_seconds",
)


@dataclass(frozen=True, slots=True)
class Rule:
    """How a router ranks; equal scores go to whoever was idle longest, or has waited longest.

    Attributes
    ----------
    by
        What counts: ``idle`` nothing but time, ``skill`` how well levels match, ``priority`` the worth of the contact,
        ``value`` worth and match together.
    theta
        Share of the plan's price that is charged, at least 0.
    cover
        Share of the cover's price that is charged, at least 0.
    reserve_seconds
        A contact that scores below 0 with everybody who is free is held for so long at most; 0 never holds.
    batch_seconds
        Contacts are collected for so long and then assigned together; 0 decides each at once.
    urgency
        Share of a contact's worth that is added to its score once it has waited as long as the service level allows;
        it grows linearly up to there.
    per_minute
        Whether waiting contacts are compared by score ÷ handle minutes, the cμ rule (Cox and Smith 1961).
    ageing
        What each minute of waiting adds to the rank of a contact, as a share of the mean worth of the classes. It has
        no end, so that no contact waits for ever behind better paid ones.
    crowding
        Share of a contact's worth that is lost with an agent whose attention is taken; in proportion to how busy they
        are with other contacts.
    settle_seconds
        How long an agent who was just given a contact, and may serve more at once, counts as fully busy: others are
        preferred, so that nobody is given all their contacts in one moment.

    Raises
    ------
    ValueError
        If `by` is unknown, a number is negative or not finite, or contacts are held without batches that end it.
    """

    by: str
    theta: float = 0.0
    cover: float = 0.0
    reserve_seconds: float = 0.0
    batch_seconds: float = 0.0
    urgency: float = 0.0
    per_minute: bool = False
    ageing: float = 0.0
    crowding: float = 0.0
    settle_seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.by not in RANKINGS:
            raise ValueError(f"by must be one of {', '.join(RANKINGS)}, not {self.by!r}")
        for name in _AMOUNTS:
            amount = getattr(self, name)
            if not (math.isfinite(amount) and amount >= 0):
                raise ValueError(f"{name} must be finite and not negative, not {amount}")
        if self.reserve_seconds > 0 and self.batch_seconds == 0:
            raise ValueError("reserve_seconds needs batch_seconds: nobody would come back to a contact that is held")


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "longest-idle": Rule("idle"),
        "best-skill": Rule("skill"),
        "greedy-fit": Rule("value"),
        "static-priority": Rule("priority"),
        "bid-price": Rule("value", theta=0.5),
        "bid-price-reserve": Rule("value", theta=0.5, reserve_seconds=20.0, batch_seconds=3.0),
        "batch": Rule("value", theta=0.5, batch_seconds=3.0),
        "bid-price-cover": Rule("value", theta=0.5, cover=0.1, per_minute=True),
    }
)
"""Rules by name. The last was tuned on seeds 1 to 20 of `optimizer.benchmarks.routing`, and is the one to use."""

RECOMMENDED = "bid-price-cover"

LIVE = replace(RULES[RECOMMENDED], ageing=0.1, crowding=0.2, settle_seconds=30.0)
"""What a real desk adds to the recommended rule: nobody waits for ever, nobody is flooded."""

FALLBACK = replace(RULES["longest-idle"], settle_seconds=30.0)
"""By what is decided where there are no prices."""

TRIED: Mapping[str, Rule] = MappingProxyType({**RULES, "live": LIVE})
"""Rules to put side by side: those by name, and the one by which a real desk decides."""
