"""
The inner loops of annealing and ascent, compiled.

Import this module only where it is called: it loads the compiler, which takes memory that a process which does not
solve should not pay for.
"""

import numpy as np

from optimizer.assignment.board import Best, Board, Effort, Menu, Priced, Standing, State
from optimizer.compiled import compiled
from optimizer.roster import Floats, Integers

TOLERANCE = 1e-7
DONE = 1e-9


@compiled
def draw(random: State) -> float:
    """Return a number in [0, 1) (xorshift64, Marsaglia 2003)."""
    x = random[0]
    x ^= x << np.uint64(13)
    x ^= x >> np.uint64(7)
    x ^= x << np.uint64(17)
    random[0] = x
    return float((x >> np.uint64(11)) * (1.0 / 9007199254740992.0))


@compiled
def has_room(board: Board, standing: Standing, column: int) -> bool:
    """Return whether a column fits beside what its pool holds, carry-over being as small as possible."""
    for position in range(board.first_row[column], board.first_row[column + 1]):
        entry, row = board.entry[position], board.row[position]
        if entry > 0.0 and standing.activity[row] + entry > board.most[row] + TOLERANCE:
            return False
    pool = board.pool[column]
    position, after = board.first_load[column], board.first_load[column + 1]
    t = board.interval[position]
    carried = standing.carry[pool, t - 1] if t > 0 else 0.0
    while t < board.capacity.shape[1]:
        used = standing.load[pool, t] + carried
        ours = position < after and board.interval[position] == t
        if ours:
            used += board.minutes[position]
            position += 1
        carried = max(0.0, used - board.capacity[pool, t])
        if carried > board.carry_limit[pool, t] + TOLERANCE:
            return False
        if not ours and position >= after and carried <= standing.carry[pool, t] + 1e-12:
            return True
        t += 1
    return True


@compiled
def book(board: Board, standing: Standing, column: int, sign: float) -> None:
    """Add a column's minutes and row entries, or take them off."""
    for position in range(board.first_row[column], board.first_row[column + 1]):
        standing.activity[board.row[position]] += sign * board.entry[position]
    pool = board.pool[column]
    first, after = board.first_load[column], board.first_load[column + 1]
    for position in range(first, after):
        standing.load[pool, board.interval[position]] += sign * board.minutes[position]
    t, last = board.interval[first], board.interval[after - 1]
    carried = standing.carry[pool, t - 1] if t > 0 else 0.0
    while t < board.capacity.shape[1]:
        carried = max(0.0, standing.load[pool, t] + carried - board.capacity[pool, t])
        if t > last and carried == standing.carry[pool, t]:
            return
        standing.carry[pool, t] = carried
        t += 1


@compiled
def add_column(board: Board, standing: Standing, slot: int, column: int) -> None:
    """Serve a slot by a column."""
    pool = board.pool[column]
    standing.chosen[slot] = column
    standing.slots_of[pool, standing.held_by[pool]] = slot
    standing.place[slot] = standing.held_by[pool]
    standing.held_by[pool] += 1
    book(board, standing, column, 1.0)


@compiled
def remove_column(board: Board, standing: Standing, slot: int) -> None:
    """Serve a slot no more."""
    column = standing.chosen[slot]
    pool = board.pool[column]
    standing.chosen[slot] = -1
    standing.held_by[pool] -= 1
    last = standing.slots_of[pool, standing.held_by[pool]]
    standing.slots_of[pool, standing.place[slot]] = last
    standing.place[last] = standing.place[slot]
    book(board, standing, column, -1.0)


@compiled
def _draw_victim(board: Board, standing: Standing, column: int, drawn: int) -> int:
    """Return the slot of least reduced value among a few that touch the intervals of a column, −1 if none does."""
    pool = board.pool[column]
    first = board.interval[board.first_load[column]] - 1
    last = board.interval[board.first_load[column + 1] - 1] + 1
    victim, least = -1, np.inf
    for _ in range(drawn):
        slot = standing.slots_of[pool, int(draw(standing.random) * standing.held_by[pool])]
        other = standing.chosen[slot]
        if board.held[slot] or board.interval[board.first_load[other]] > last:
            continue
        if board.interval[board.first_load[other + 1] - 1] >= first and board.reduced[other] < least:
            victim, least = slot, board.reduced[other]
    return victim


@compiled
def _holds(board: Board, standing: Standing, column: int) -> bool:
    """Return whether the rows in which a column has an entry hold."""
    for position in range(board.first_row[column], board.first_row[column + 1]):
        row = board.row[position]
        if standing.activity[row] > board.most[row] + TOLERANCE:
            return False
    return True


@compiled
def place_first(board: Board, standing: Standing, slot: int, most: int) -> float:
    """Serve a slot by the first of its columns that has room, and return its points; 0 if none of `most` has."""
    first = board.first_of_slot[slot]
    for column in range(first, min(board.first_of_slot[slot + 1], first + most)):
        if has_room(board, standing, column):
            add_column(board, standing, slot, column)
            return float(board.points[column])
    return 0.0


@compiled
def place_in_order(board: Board, standing: Standing, order: Integers) -> None:
    """Serve slots in some order, each by the first of its columns that has room and is worth it."""
    for slot in order:
        for column in range(board.first_of_slot[slot], board.first_of_slot[slot + 1]):
            worthy = board.must[slot] or board.points[column] > 0.0
            if worthy and has_room(board, standing, column):
                add_column(board, standing, slot, column)
                break


@compiled
def run_moves(board: Board, standing: Standing, effort: Effort, moves: int, hot: float, cold: float) -> None:
    """Make moves while the temperature falls geometrically from `hot` to `cold` points."""
    temperature = hot
    decay = (cold / hot) ** (1.0 / max(moves, 1))
    for _ in range(moves):
        temperature *= decay
        slot = int(draw(standing.random) * len(standing.chosen))
        first = board.first_of_slot[slot]
        count = board.first_of_slot[slot + 1] - first
        if count == 0 or board.held[slot]:
            continue
        luck = draw(standing.random)
        column = first + int(count * luck * luck)
        if column != standing.chosen[slot]:
            _try_move(board, standing, effort, slot, column, temperature)


@compiled
def _try_move(board: Board, standing: Standing, effort: Effort, slot: int, column: int, temperature: float) -> None:
    """Serve a slot by another column, ejecting what is in the way, or leave everything as it was."""
    old = standing.chosen[slot]
    gain = board.points[column]
    if old >= 0:
        gain -= board.points[old]
        remove_column(board, standing, slot)
    length, roomy = _make_room(board, standing, effort, column)
    for link in range(length):
        gain -= board.points[standing.before[link]]
    if roomy:
        add_column(board, standing, slot, column)
        for link in range(length):
            gain += place_first(board, standing, standing.chain[link], effort.tried)
        accepted = gain >= 0.0 or draw(standing.random) < np.exp(gain / temperature)
        if accepted and _is_whole(board, standing, length) and _obeys(board, standing, column, old, length):
            return
        remove_column(board, standing, slot)
        for link in range(length):
            if standing.chosen[standing.chain[link]] >= 0:
                remove_column(board, standing, standing.chain[link])
    for link in range(length - 1, -1, -1):
        add_column(board, standing, standing.chain[link], standing.before[link])
    if old >= 0:
        add_column(board, standing, slot, old)


@compiled
def _make_room(board: Board, standing: Standing, effort: Effort, column: int) -> tuple[int, bool]:
    """Eject slots until a column fits; return how many were ejected, and whether it fits now."""
    length = 0
    while not has_room(board, standing, column):
        if length == effort.ejected or standing.held_by[board.pool[column]] == 0:
            return length, False
        victim = _draw_victim(board, standing, column, effort.drawn)
        if victim < 0:
            return length, False
        standing.chain[length], standing.before[length] = victim, standing.chosen[victim]
        remove_column(board, standing, victim)
        length += 1
    return length, True


@compiled
def _is_whole(board: Board, standing: Standing, length: int) -> bool:
    """Return whether every ejected slot that has to be served is served again."""
    for link in range(length):
        if board.must[standing.chain[link]] and standing.chosen[standing.chain[link]] < 0:
            return False
    return True


@compiled
def _obeys(board: Board, standing: Standing, column: int, old: int, length: int) -> bool:
    """Return whether the rows that a move has touched hold."""
    if len(board.most) == 0:
        return True
    if not _holds(board, standing, column) or (old >= 0 and not _holds(board, standing, old)):
        return False
    for link in range(length):
        now = standing.chosen[standing.chain[link]]
        if not _holds(board, standing, standing.before[link]) or (now >= 0 and not _holds(board, standing, now)):
            return False
    return True


@compiled
def place_all(board: Board, standing: Standing, chosen: Integers) -> None:
    """Serve slots by the columns chosen for them; −1 leaves a slot out."""
    for slot in range(len(chosen)):
        if chosen[slot] >= 0:
            add_column(board, standing, slot, chosen[slot])


@compiled
def take_best(priced: Priced, duals: Floats, usage: Floats) -> float:
    """Return the sum of the best column of every slot at some duals, and add what those columns use to `usage`."""
    total = 0.0
    for slot in range(len(priced.must)):
        best, chosen = (-np.inf if priced.must[slot] else 0.0), -1
        for column in range(priced.first_of_slot[slot], priced.first_of_slot[slot + 1]):
            points = priced.points[column]
            for position in range(priced.first_row[column], priced.first_row[column + 1]):
                points -= duals[priced.row[position]] * priced.entry[position]
            if points > best:
                best, chosen = points, column
        total += best
        if chosen >= 0:
            for position in range(priced.first_row[chosen], priced.first_row[chosen + 1]):
                usage[priced.row[position]] += priced.entry[position]
    return total


@compiled
def price_menu(menu: Menu, prices: Floats, starts: int, jitter: float, best: Best) -> None:
    """Price every column of a menu, and write the best columns of each engagement.

    Parameters
    ----------
    prices
        Points for a minute, agents × intervals.
    starts
        Most starts of one agent among the best columns.
    jitter
        Share of an engagement's worth by which chance may favour an agent when columns are kept. Without it all
        engagements of a kind would keep the same few agents wherever many are equally good.
    """
    cheapest = _cheapest(menu, prices)
    most = best.key.shape[1]
    for work in range(len(menu.minutes)):
        if menu.last[work] < menu.earliest[work]:
            continue
        kept = 0
        for position in range(menu.first_of_list[menu.list_of[work]], menu.first_of_list[menu.list_of[work] + 1]):
            agent = menu.agent[position]
            minutes, given = _own(menu, work, agent)
            fixed = menu.worth[work] * menu.match_weight * menu.match[position]
            for near in range(menu.first_known[work], menu.first_known[work + 1]):
                if menu.known[near] == agent:
                    fixed += menu.worth[work] * menu.continuity
            # What even the earliest start at the cheapest minutes would not reach is not worth a walk.
            hoped = fixed + menu.service * menu.worth[work] if np.isnan(given) else given
            hoped -= cheapest[agent] * minutes / menu.contacts[menu.channel[work], agent]
            luck = jitter * menu.worth[work] * _chance(work, agent)
            most_luck = luck + 0.1 * jitter * menu.worth[work]
            if hoped + most_luck <= (best.key[work, most - 1] if kept == most else 0.0) and hoped <= best.value[work]:
                continue
            for start in range(menu.earliest[work], menu.last[work] + 1):
                cost = _cost(menu, prices, work, agent, start, minutes)
                value = (fixed + _service(menu, work, start) if np.isnan(given) else given) - cost
                if cost >= 0.0 and value > 0.0:
                    best.value[work] = max(best.value[work], value)
                    also = 0.1 * jitter * menu.worth[work] * _chance(work, agent + len(prices) * (start + 1))
                    kept = _keep(best, work, kept, (agent, start, value + luck + also), starts)


@compiled
def _chance(work: int, agent: int) -> float:
    """Return a number in [0, 1) that depends on engagement and agent alone (a multiplicative hash, Knuth 1973)."""
    mixed = np.uint64(work) * np.uint64(11400714819323198485) + np.uint64(agent) * np.uint64(14029467366897019727)
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(13787848793156543929)
    return float((mixed >> np.uint64(40)) * (1.0 / 16777216.0))


@compiled
def _cheapest(menu: Menu, prices: Floats) -> Floats:
    """Return the least price of a minute of each agent who has any."""
    cheapest = np.full(len(prices), np.inf)
    for agent in range(len(prices)):
        for t in range(prices.shape[1]):
            if menu.capacity[agent, t] > 0.0:
                cheapest[agent] = min(cheapest[agent], prices[agent, t])
    return cheapest


@compiled
def _service(menu: Menu, work: int, start: int) -> float:
    late = (start - menu.due[work]) / max(menu.latest[work] - menu.due[work], 1)
    late = min(max(late, 0.0), 1.0)
    return float(menu.service * menu.worth[work] * (1.0 - (1.0 - menu.late_share) * late))


@compiled
def _own(menu: Menu, work: int, agent: int) -> tuple[float, float]:
    """Return the minutes of an engagement with an agent, and its value with them if that is given, else NaN."""
    for position in range(menu.first_own[work], menu.first_own[work + 1]):
        if menu.own_agent[position] == agent:
            return menu.own_minutes[position], menu.own_value[position]
    return menu.minutes[work], np.nan


@compiled
def _cost(menu: Menu, prices: Floats, work: int, agent: int, start: int, minutes: float) -> float:
    """Return what the minutes of a column cost, −1 if the work cannot be finished."""
    contacts = menu.contacts[menu.channel[work], agent]
    cost, left, t = 0.0, minutes, start
    while left > DONE:
        if t >= menu.capacity.shape[1]:
            return -1.0
        done = min(menu.interval_minutes, left, contacts * menu.capacity[agent, t])
        if done <= 0.0:
            return -1.0
        cost += prices[agent, t] * done / contacts
        left -= done
        t += 1
    return cost


@compiled
def _keep(best: Best, work: int, kept: int, column: tuple[int, int, float], starts: int) -> int:
    """Insert a column into the best of an engagement if it is one of them; return how many there are."""
    agent, start, value = column
    agents, at, values = best.agent[work], best.start[work], best.key[work]
    most = len(agents)
    if kept == most and value <= values[most - 1]:
        return kept
    same, worst = 0, -1
    for position in range(kept):
        if agents[position] == agent:
            same, worst = same + 1, position
    if same >= starts:
        if value <= values[worst]:
            return kept
        place = worst
    else:
        place = min(kept, most - 1)
        kept = min(kept + 1, most)
    while place > 0 and values[place - 1] < value:
        agents[place], at[place], values[place] = agents[place - 1], at[place - 1], values[place - 1]
        place -= 1
    agents[place], at[place], values[place] = agent, start, value
    return kept
