"""Policy: the named weights and limits by which the optimizer decides."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from optimizer.reading import Findings, Reader, integer, list_of, map_of, number, optional, text

TIERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "protected": ("debt",),
        "customers": ("service", "match", "continuity", "given", "relaxation"),
        "growth": ("growth", "practice", "stability"),
        "economy": ("cost", "balance"),
    }
)
"""The lexicographic tiers in order, each with the terms that it adds up. The first has no tolerance: later tiers may
give up nothing of it."""

TERMS: tuple[str, ...] = tuple(term for terms in TIERS.values() for term in terms)
"""Every term a plan reports, in the order of the tiers."""

WEIGHTED_TERMS: tuple[str, ...] = tuple(term for term in TERMS if term not in {"debt", "given", "relaxation"})
"""Terms that a policy weighs. `given` values and ladder prices are points already; `debt` is in minutes."""

PAIR_TERMS: tuple[str, ...] = ("service", "match", "continuity", "growth", "practice", "cost")
"""Terms of one engagement × agent, which a given value replaces."""

LADDER_STEPS: tuple[str, ...] = (
    "drop_preferred",
    "lower_level",
    "other_site",
    "hand_over",
    "drop_shadow",
    "overtime",
    "later",
)
"""Names of the steps that a relaxation ladder may list."""

DEFAULT_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"service": 1.0, "match": 0.2, "continuity": 0.2, "growth": 1.0, "practice": 0.5, "stability": 1.0}
)


@dataclass(frozen=True, slots=True)
class Preset:
    """A policy to start from, described in words a scheduler understands."""

    words: str
    weights: Mapping[str, float]
    growth_epsilon: float
    late_share: float


PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "default": Preset(
            "Serve customers first; among equally good plans grow people and keep what was published.",
            DEFAULT_WEIGHTS,
            growth_epsilon=0.005,
            late_share=0.5,
        ),
        "customer-first": Preset(
            "The best agent for each customer, the one they know if possible; growth only where it costs nothing.",
            {"service": 1.0, "match": 0.5, "continuity": 0.5, "growth": 0.5, "practice": 0.25, "stability": 1.0},
            growth_epsilon=0.0,
            late_share=0.3,
        ),
        "grow-people": Preset(
            "Give up to two percent of today's value for stretch work with a mentor and for skills about to lapse.",
            {"service": 1.0, "match": 0.1, "continuity": 0.2, "growth": 3.0, "practice": 2.0, "stability": 0.5},
            growth_epsilon=0.02,
            late_share=0.5,
        ),
        "calm-day": Preset(
            "Change little, spread work, stretch and heavy conversations evenly; up to one percent of value for calm.",
            {"service": 1.0, "match": 0.2, "continuity": 0.2, "practice": 0.5, "stability": 3.0, "balance": 1.0},
            growth_epsilon=0.01,
            late_share=0.5,
        ),
        "catch-up": Preset(
            "Clear the backlog: as much value as possible, late work counts nearly as much as work in time.",
            {"service": 1.0, "match": 0.05, "stability": 0.25},
            growth_epsilon=0.001,
            late_share=0.9,
        ),
    }
)


@dataclass(frozen=True, slots=True)
class LadderStep:
    """One rung of the relaxation ladder: what may be relaxed, and its price in points for each engagement."""

    step: str
    price: float

    def __post_init__(self) -> None:
        findings = Findings()
        findings.at("step").require(self.step in LADDER_STEPS, f"must be one of {', '.join(LADDER_STEPS)}")
        findings.at("price").require(self.price >= 0, "must not be negative")
        findings.raise_if_any()

    @classmethod
    def read(cls, value: object, where: Findings) -> "LadderStep | None":
        """Read one step from JSON, or note what is wrong with it."""
        reader = Reader(value, where)
        step, price = reader.take("step", text), reader.take("price", number)
        if reader.finish():
            with where.below():
                return cls(step, price)
        return None


@dataclass(frozen=True, slots=True)
class Policy:
    """Weights, limits and effort of one run.

    Attributes
    ----------
    name
        A preset's name, or a name of its own.
    revision
        Version of the policy, for the record; the model does not read it.
    weights
        Points per unit of each term; a term that is not named weighs 0.
    growth_epsilon
        Share of the first tier's value that the later tiers may give up, in [0, 1].
    late_share
        Share of the service value that is left when work begins at `latest`, in [0, 1].
    lapse_within_days
        A skill that lapses at most so many days after the horizon's start counts as about to lapse.
    ladder
        Relaxation steps that are allowed, in order; empty turns the ladder off.
    proactive_share_min, proactive_share_max
        Bounds on proactive minutes ÷ minutes of all assigned engagements; None is no bound.
    money_per_point
        Rate that turns points into money, for reports only.
    seed
        Seed of everything random.
    gap
        Relative gap at which a solve stops; 0 means 1e-9.
    time_limit_s
        Seconds of wall time for the whole run.
    iterations
        Limit of branch-and-bound nodes per tier, for runs that must repeat exactly; None is no limit.
    threads
        Threads of the solver.
    """

    name: str = "default"
    revision: int = 1
    weights: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    growth_epsilon: float = 0.005
    late_share: float = 0.5
    lapse_within_days: int = 30
    ladder: tuple[LadderStep, ...] = ()
    proactive_share_min: float | None = None
    proactive_share_max: float | None = None
    money_per_point: float = 1.0
    seed: int = 1
    gap: float = 0.001
    time_limit_s: float = 60.0
    iterations: int | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        findings = Findings()
        for term, weight in self.weights.items():
            where = findings.at("weights", term)
            where.require(term in WEIGHTED_TERMS, f"is not a weighted term; those are {', '.join(WEIGHTED_TERMS)}")
            where.require(0 <= weight <= 1e6, "must be between 0 and 1e6")
        for name in ("growth_epsilon", "late_share", "proactive_share_min", "proactive_share_max"):
            share = getattr(self, name)
            findings.at(name).require(share is None or 0 <= share <= 1, "must be between 0 and 1")
        low, high = self.proactive_share_min or 0.0, self.proactive_share_max
        findings.at("proactive_share_max").require(high is None or high >= low, "is below proactive_share_min")
        findings.at("lapse_within_days").require(self.lapse_within_days >= 0, "must not be negative")
        findings.at("gap").require(0 <= self.gap < 1, "must be at least 0 and below 1")
        findings.at("time_limit_s").require(self.time_limit_s > 0, "must be above 0")
        findings.at("seed").require(0 <= self.seed < 2**31, "must be between 0 and 2147483647")
        findings.at("threads").require(1 <= self.threads <= 64, "must be between 1 and 64")
        findings.at("money_per_point").require(self.money_per_point >= 0, "must not be negative")
        findings.at("iterations").require(self.iterations is None or self.iterations >= 0, "must not be negative")
        steps = [rung.step for rung in self.ladder]
        findings.at("ladder").require(len(set(steps)) == len(steps), "names a step twice")
        findings.raise_if_any()

    @classmethod
    def preset(cls, name: str, **changes: Any) -> "Policy":
        """Return a preset by name, with some fields changed.

        Raises
        ------
        KeyError
            If there is no preset of that name.
        """
        start = PRESETS[name]
        fields: dict[str, Any] = {
            "weights": dict(start.weights),
            "growth_epsilon": start.growth_epsilon,
            "late_share": start.late_share,
        }
        return cls(name=name, **(fields | changes))

    def weight(self, term: str) -> float:
        """Return the weight of a term, 0 if the policy does not name it."""
        return float(self.weights.get(term, 0.0))

    def price_of(self, step: str) -> float | None:
        """Return the price of a ladder step, or None if the ladder does not list it."""
        return next((rung.price for rung in self.ladder if rung.step == step), None)

    @classmethod
    def read(cls, value: object, where: Findings) -> "Policy":
        """Read a policy from JSON; what is not given comes from the preset of its name, else from `default`."""
        reader = Reader(value, where)
        name = reader.take("name", text, "default")
        converters: dict[str, Any] = {
            "revision": integer,
            "weights": map_of(number),
            "growth_epsilon": number,
            "late_share": number,
            "lapse_within_days": integer,
            "ladder": list_of(LadderStep.read),
            "proactive_share_min": optional(number),
            "proactive_share_max": optional(number),
            "money_per_point": number,
            "seed": integer,
            "gap": number,
            "time_limit_s": number,
            "iterations": optional(integer),
            "threads": integer,
        }
        given = {key: reader.take(key, convert) for key, convert in converters.items() if key in reader.fields}
        if reader.finish():
            base = cls.preset(name if name in PRESETS else "default")
            known: dict[str, Any] = {
                "weights": base.weights,
                "growth_epsilon": base.growth_epsilon,
                "late_share": base.late_share,
            }
            with where.below():
                return cls(**(known | given | {"name": name}))
        return cls()

    def to_json(self) -> dict[str, Any]:
        """Return the policy as JSON data, every field written out."""
        written = {name: getattr(self, name) for name in self.__slots__}
        return written | {"weights": dict(self.weights), "ladder": [asdict(rung) for rung in self.ladder]}
