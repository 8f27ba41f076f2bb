r"""
Columns that are priced without being listed, for problems whose columns would not fit into memory.

At 1,000 agents × 10,000 engagements there are some ten million columns, of which a good plan needs one in a thousand.
A compiled loop walks through every (engagement, agent, start) at given prices of the minutes, keeps the best few of
each engagement for the model, and returns the sum that certifies the bound over all of them: with prices
:math:`\lambda` of minutes alone, the duals of all other rows being 0,

.. math:: \sum_e \max_{k \in K_e} (v_k - \lambda^T m_k)^{[+]}

O(eligible pairs × starts × intervals that the work runs through) a pass, some nanoseconds each; memory O(engagements).
Engagements that somebody fixed, must be served, or stand in a previous plan are listed with all their columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from optimizer.assignment.board import Best, Menu
from optimizer.assignment.column_set import number_triples
from optimizer.assignment.columns import Columns, describe_columns, join_columns
from optimizer.fit import Fit
from optimizer.problem import Problem
from optimizer.roster import Flags, Floats, Integers

MOST_LISTED = 1_000_000
"""Columns up to which all are listed: about 0.3 GB."""

KEPT = 20
"""Columns that one pass keeps for each engagement."""

JITTER = 0.03
"""Share of an engagement's worth that chance adds when columns are listed."""

STARTS_OF_PAIR = 2
"""Most starts of one agent among them."""

PRACTISERS = 3
"""Agents of each engagement who would keep a lapsing skill in practice by it, listed beside the best ones."""

STARTS_OF_PRACTISER = 4
"""Starts of each of those, spread over the window: at equal points all would begin at the first."""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """The columns of a problem that need not be listed, as what a compiled loop reads.

    Attributes
    ----------
    size
        Number of columns, those that cannot be finished too.
    listed
        Engagements all of whose columns are listed in any case.
    most_later
        For every engagement: at most so many points in the growth tier, whatever its column.
    practises
        Whether each agent of the menu's lists would keep a lapsing skill in practice.
    """

    fit: Fit
    menu: Menu
    size: int
    listed: Integers
    most_later: Floats
    practises: Flags

    def price(
        self, prices: Floats, kept: int = KEPT, jitter: float = JITTER
    ) -> tuple[Floats, Integers, Integers, Integers]:
        """Return the best priced points of each engagement, at least 0, and its best columns.

        Parameters
        ----------
        prices
            Points for a minute, agents × intervals, not negative.
        kept
            Columns to return for each engagement, at most.
        jitter
            Share of its worth by which chance may favour a column of an engagement.

        Returns
        -------
        best
            One for each engagement; 0 for those of `listed`.
        engagement, agent, start
            The best columns, those of a positive value only.
        """
        return _price(self.menu, prices, kept, STARTS_OF_PAIR, jitter)

    def list_best(self, prices: Floats, beside: Columns) -> tuple[Floats, Columns]:
        """Return the best priced points of each engagement, and columns with its best ones beside them."""
        best, engagement, agent, start = self.price(prices)
        return best, join_columns([beside, self._describe_new(engagement, agent, start, beside)])

    def list_practising(self, prices: Floats, beside: Columns) -> Columns:
        """Return columns with some beside them that keep a lapsing skill in practice.

        Prices of minutes know nothing of that, so of agents who are equally good for customers any could be listed.
        """
        if self.fit.roster.problem.policy.weight("practice") == 0 or not self.practises.any():
            return beside
        menu = self.menu
        before = np.concatenate([[0], np.cumsum(self.practises)])
        lists = menu._replace(
            first_of_list=before[menu.first_of_list],
            agent=menu.agent[self.practises],
            match=menu.match[self.practises],
        )
        _, engagement, agent, start = _price(lists, prices, PRACTISERS, 1, JITTER)
        random = np.random.default_rng([self.fit.roster.problem.policy.seed, len(engagement)])
        window = (menu.last - menu.earliest + 1)[engagement]
        spread = random.random((len(engagement), 1)) + np.arange(STARTS_OF_PRACTISER) / STARTS_OF_PRACTISER
        others = menu.earliest[engagement][:, None] + (spread % 1.0 * window[:, None]).astype(np.int64)
        starts = np.column_stack([start, others])
        each = starts.shape[1]
        found = self._describe_new(np.repeat(engagement, each), np.repeat(agent, each), starts.ravel(), beside)
        return join_columns([beside, found.select(found.terms["practice"] > 0)])

    def _describe_new(self, engagement: Integers, agent: Integers, start: Integers, beside: Columns) -> Columns:
        """Return those of some columns that do not stand beside them already, each once."""
        problem = self.fit.roster.problem
        number, which = np.unique(number_triples(problem, engagement, agent, start), return_index=True)
        new = which[~np.isin(number, number_triples(problem, beside.engagement, beside.agent, beside.start))]
        overtime = np.zeros(len(new), dtype=bool)
        return describe_columns(self.fit, engagement[new], agent[new], start[new], overtime)


def _price(
    menu: Menu, prices: Floats, kept: int, starts: int, jitter: float
) -> tuple[Floats, Integers, Integers, Integers]:
    """Return the best priced points of each engagement of a menu, and its best columns."""
    from optimizer.assignment.kernels import price_menu  # noqa: PLC0415  It loads the compiler.

    shape = (len(menu.minutes), kept)
    none, zero = np.full(shape, -1, dtype=np.int32), np.zeros(shape, dtype=np.int32)
    best = Best(none, zero, np.zeros(shape), np.zeros(shape[0]))
    price_menu(menu, np.ascontiguousarray(prices), starts, jitter, best)
    engagement, place = np.nonzero(best.agent >= 0)
    agent, start = (chosen[engagement, place].astype(np.int64) for chosen in (best.agent, best.start))
    return best.value, engagement, agent, start


def leave_unlisted(fit: Fit) -> Unlisted | None:
    """Return the columns of a problem as unlisted, or None if they are few, or of a kind that the loop does not know.

    It knows no ladder, no stretch, no pairs and no growth due; with a least proactive share, or so much work that
    must be served that it would not help, all columns are listed too.
    """
    problem = fit.roster.problem
    window = np.array([each.latest - each.earliest + 1 for each in problem.engagements], dtype=np.int64)
    if len(problem.agents) * int(window.sum()) <= MOST_LISTED or not _is_plain(problem):
        return None
    first, agents, match, practises, list_of = _lists(fit)
    size = window * np.diff(first)[list_of]
    listed = _listed(problem)
    if int(size.sum()) <= MOST_LISTED or int(size[listed].sum()) > MOST_LISTED:
        return None
    menu = _menu(fit, first, agents, match, list_of, listed)
    policy = problem.policy
    practised = np.array([fit.of(each).practises.any() for each in problem.engagements], dtype=bool)
    longest = np.array([max([each.minutes, *each.minutes_by_agent.values()]) for each in problem.engagements])
    most_later = policy.weight("practice") * practised * longest
    return Unlisted(fit, menu, int(size.sum()), listed, most_later, practises)


def _is_plain(problem: Problem) -> bool:
    policy = problem.policy
    grows = any(agent.growth_due_minutes > 0 for agent in problem.agents)
    stretches = any(agent.wants and agent.max_stretch_minutes > 0 for agent in problem.agents)
    return not (policy.ladder or problem.shadowed or grows or stretches or policy.proactive_share_min)


def _listed(problem: Problem) -> Integers:
    """Return the engagements all of whose columns are listed: fixed, previous or mandatory ones."""
    named = {pin.engagement for pin in problem.pins} | {each.engagement for each in problem.previous}
    return np.array(
        [index for index, each in enumerate(problem.engagements) if each.must_assign or each.id in named], np.int64
    )


def _lists(fit: Fit) -> tuple[Integers, Integers, Floats, Flags, Integers]:
    """Return lists of agents with their match and whether they practise, and which list each engagement has.

    There is one list for each kind of work.
    """
    known: dict[object, int] = {}
    agents: list[Integers] = []
    match: list[Floats] = []
    practises: list[Flags] = []
    list_of = np.zeros(len(fit.roster.problem.engagements), dtype=np.int64)
    for index, each in enumerate(fit.roster.problem.engagements):
        own = (each.owner, each.eligible_agents, each.excluded_agents)
        key = (each.requires, each.channel, each.language, each.site, each.authority, own)
        if key not in known:
            kind = fit.of(each)
            rows = np.flatnonzero(kind.possible & fit.allowed(each))
            known[key] = len(agents)
            agents.append(rows)
            match.append(kind.match[rows])
            practises.append(kind.practises[rows])
        list_of[index] = known[key]
    first = np.zeros(len(agents) + 1, dtype=np.int64)
    first[1:] = np.cumsum([len(rows) for rows in agents])
    return first, np.concatenate(agents), np.concatenate(match), np.concatenate(practises), list_of


def _menu(fit: Fit, first: Integers, agents: Integers, match: Floats, list_of: Integers, listed: Integers) -> Menu:
    problem, roster = fit.roster.problem, fit.roster
    policy, work = problem.policy, problem.engagements
    channels = {name: number for number, name in enumerate(sorted({each.channel for each in work}))}
    known = [sorted(roster.index[agent] for agent in each.known_agents) for each in work]
    own = [
        [
            (roster.index[agent], each)
            for agent in sorted({*each.values, *each.minutes_by_agent}, key=roster.index.__getitem__)
        ]
        for each in work
    ]
    latest = np.array([each.latest for each in work], dtype=np.int64)
    last = latest.copy()
    last[listed] = -1
    return Menu(
        first_of_list=first,
        agent=agents.astype(np.int32),
        match=match,
        list_of=list_of,
        minutes=np.array([each.minutes for each in work], dtype=float),
        worth=np.array([each.worth for each in work], dtype=float),
        earliest=np.maximum(np.array([each.earliest for each in work], dtype=np.int64), problem.frozen_before),
        due=np.array([each.due for each in work], dtype=np.int64),
        latest=latest,
        last=last,
        channel=np.array([channels[each.channel] for each in work], dtype=np.int64),
        contacts=np.array([roster.concurrency(name) for name in sorted(channels)], dtype=float),
        first_known=_first(known),
        known=np.array([agent for agents_ in known for agent in agents_], dtype=np.int64),
        first_own=_first(own),
        own_agent=np.array([agent for pairs in own for agent, _ in pairs], dtype=np.int64),
        own_minutes=np.array([each.minutes_with(roster.ids[agent]) for pairs in own for agent, each in pairs]),
        own_value=np.array([each.values.get(roster.ids[agent], np.nan) for pairs in own for agent, each in pairs]),
        capacity=roster.capacity,
        interval_minutes=problem.interval_minutes,
        service=policy.weight("service"),
        match_weight=policy.weight("match"),
        continuity=policy.weight("continuity"),
        late_share=policy.late_share,
    )


def _first(lists: Sequence[Sequence[object]]) -> Integers:
    first = np.zeros(len(lists) + 1, dtype=np.int64)
    first[1:] = np.cumsum([len(each) for each in lists])
    return first
