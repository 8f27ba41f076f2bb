"""Days to simulate: contacts drawn at random, and what differs between rules that met the same days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from optimizer.roster import Floats
from optimizer.routing import Contact
from optimizer.simulate import Call, DayOutcome

__all__ = ["Difference", "Interval", "compare_days", "draw_calls", "join", "pool"]

HANDLE_SIGMA = 0.6
"""Standard deviation of the logarithm of handle times, as in the calls of a bank (Brown et al. 2005)."""


def draw_calls(
    work: Mapping[str, Sequence[float]],
    *,
    handle_minutes: Mapping[str, float],
    patience_minutes: float,
    interval_minutes: float,
    seed: int,
) -> tuple[Call, ...]:
    """Draw a day: Poisson arrivals by class and interval, log-normal handle times, exponential patience.

    Parameters
    ----------
    work
        Expected contact minutes of each class in each interval.
    handle_minutes, patience_minutes
        Means, above 0.

    Returns
    -------
    calls
        In order of arrival. The same seed gives the same calls; a class's own do not depend on other classes.
    """
    calls: list[Call] = []
    for number, (name, minutes) in enumerate(sorted(work.items())):
        random = np.random.default_rng([seed, number])
        for interval, expected in enumerate(minutes):
            count = int(random.poisson(expected / handle_minutes[name]))
            arrived = 60.0 * interval_minutes * (interval + np.sort(random.random(count)))
            # The mean of a log-normal is exp(μ + σ²/2); this μ makes it 1.
            length = random.lognormal(-(HANDLE_SIGMA**2) / 2, HANDLE_SIGMA, count) * 60.0 * handle_minutes[name]
            patience = random.exponential(60.0 * patience_minutes, count)
            drawn = zip(arrived.tolist(), length.tolist(), patience.tolist(), strict=True)
            calls += [
                Call(Contact(f"{name}/{interval}/{index}", name, at), handle, waits)
                for index, (at, handle, waits) in enumerate(drawn)
            ]
    return tuple(sorted(calls, key=lambda call: (call.contact.arrived_at, call.contact.id)))


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % confidence interval: mean ± half width. The half width of a single day is infinite."""

    mean: float
    half_width: float

    @classmethod
    def of(cls, values: Floats) -> "Interval":
        """Return the interval of the mean of independent values by Student's t."""
        count = len(values)
        if count < 2:
            return cls(float(values.mean()), float("inf"))
        error = float(values.std(ddof=1)) / count**0.5
        return cls(float(values.mean()), float(stdtrit(count - 1, 0.975)) * error)

    @property
    def low(self) -> float:
        """Lower end."""
        return self.mean - self.half_width

    @property
    def high(self) -> float:
        """Upper end."""
        return self.mean + self.half_width

    @property
    def decided(self) -> bool:
        """Whether 0 lies outside: the mean is more than chance."""
        return self.low > 0.0 or self.high < 0.0

    def overlaps(self, other: "Interval") -> bool:
        """Return whether the two have a point in common."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class Difference:
    """What one rule changes against another on the same days.

    Attributes
    ----------
    value
        Share of the other rule's value that is gained, 0.03 for three percent more.
    service_level, abandonment
        Difference of the shares.
    """

    value: Interval
    service_level: Interval
    abandonment: Interval


def pool(outcomes: Sequence[DayOutcome]) -> DayOutcome:
    """Return one day's outcomes under several draws of what a log cannot tell, added up.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not outcomes:
        raise ValueError("there are no outcomes to pool")
    return _added(
        outcomes,
        busy_seconds=np.sum([each.busy_seconds for each in outcomes], axis=0),
        signed_in_seconds=np.sum([each.signed_in_seconds for each in outcomes], axis=0),
        within_by_class=tuple(map(sum, zip(*(each.within_by_class for each in outcomes), strict=True))),
        offered_by_class=tuple(map(sum, zip(*(each.offered_by_class for each in outcomes), strict=True))),
    )


def join(outcomes: Sequence[DayOutcome]) -> DayOutcome:
    """Return the outcomes of several days, with agents and classes of their own, as one stretch of time.

    Raises
    ------
    ValueError
        If there are none.
    """
    if not outcomes:
        raise ValueError("there are no outcomes to join")
    return _added(
        outcomes,
        busy_seconds=np.concatenate([each.busy_seconds for each in outcomes]),
        signed_in_seconds=np.concatenate([each.signed_in_seconds for each in outcomes]),
        within_by_class=tuple(count for each in outcomes for count in each.within_by_class),
        offered_by_class=tuple(count for each in outcomes for count in each.offered_by_class),
    )


def _added(
    outcomes: Sequence[DayOutcome],
    *,
    busy_seconds: Floats,
    signed_in_seconds: Floats,
    within_by_class: tuple[int, ...],
    offered_by_class: tuple[int, ...],
) -> DayOutcome:
    """Return outcomes added up, with what stands for each agent and class put together by the caller."""
    return DayOutcome(
        offered=sum(each.offered for each in outcomes),
        answered=sum(each.answered for each in outcomes),
        abandoned=sum(each.abandoned for each in outcomes),
        within=sum(each.within for each in outcomes),
        value=sum(each.value for each in outcomes),
        wait_seconds=sum(each.wait_seconds for each in outcomes),
        busy_seconds=busy_seconds,
        signed_in_seconds=signed_in_seconds,
        within_by_class=within_by_class,
        offered_by_class=offered_by_class,
        tone_value=sum(each.tone_value for each in outcomes),
    )


def compare_days(ours: Sequence[DayOutcome], theirs: Sequence[DayOutcome]) -> Difference:
    """Return the paired differences of two rules on the same days.

    Raises
    ------
    ValueError
        If there are no days, or not the same number of them.
    """
    if not ours:
        raise ValueError("there are no days to compare")
    pairs = list(zip(ours, theirs, strict=True))
    return Difference(
        value=Interval.of(np.array([own.value / other.value - 1.0 if other.value else 0.0 for own, other in pairs])),
        service_level=Interval.of(np.array([own.service_level - other.service_level for own, other in pairs])),
        abandonment=Interval.of(np.array([own.abandonment - other.abandonment for own, other in pairs])),
    )
