"""
What annealing and ascent work on: plain arrays, in the form that compiled code takes.

A **pool** is a row of minutes: agent *a* works in pool *a*, their overtime stands in pool *agents + a*. A **slot** is
what is served once: an engagement, or the second seat of a lead-and-shadow pair.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.roster import Flags, Floats, Integers

State = NDArray[np.uint64]
"""State of the generator of random numbers: one number, not 0."""

LONGEST_CHAIN = 8
"""Room for the slots that one move may eject."""


class Board(NamedTuple):
    """What stands still while a search runs.

    Attributes
    ----------
    first_of_slot
        The columns of slot *e*, those of the smallest slack first, are those from ``first_of_slot[e]`` to before
        ``first_of_slot[e + 1]``. They stand side by side in memory, because a move reads several of them.
    pool, points, reduced
        Of each column: its pool, what the search maximises, and that minus the minutes at their price.
    first_load, interval, minutes
        Load of each column, interval by interval, in the manner of compressed sparse rows.
    first_row, row, entry, most
        Entries of each column in the rows that tie slots together, and the limits of those rows.
    capacity, carry_limit
        Pools × intervals, minutes.
    must, held
        Slots that have to be served; slots that the search must not touch.
    """

    first_of_slot: Integers
    pool: Integers
    points: Floats
    reduced: Floats
    first_load: Integers
    interval: Integers
    minutes: Floats
    first_row: Integers
    row: Integers
    entry: Floats
    most: Floats
    capacity: Floats
    carry_limit: Floats
    must: Flags
    held: Flags


class Standing(NamedTuple):
    """A plan on the board, changed in place.

    Attributes
    ----------
    chosen
        Column of each slot, −1 if it is not served.
    load, carry
        Pools × intervals, minutes.
    activity
        Of the rows that tie slots together.
    slots_of, held_by, place
        The slots in each pool in no order, how many they are, and where in its pool each slot stands.
    random
        `State`.
    chain, before
        Room for the slots that a move ejects, and the columns that they had.
    """

    chosen: Integers
    load: Floats
    carry: Floats
    activity: Floats
    slots_of: Integers
    held_by: Integers
    place: Integers
    random: State
    chain: Integers
    before: Integers


class Effort(NamedTuple):
    """How hard a move tries.

    Attributes
    ----------
    ejected
        Most slots that it ejects, at most `LONGEST_CHAIN`.
    drawn
        Slots drawn to find one to eject.
    tried
        Most columns tried to place an ejected slot.
    """

    ejected: int
    drawn: int
    tried: int


class Priced(NamedTuple):
    """Columns with their entries in the rows that are priced.

    Attributes
    ----------
    points
        Of each column.
    first_row, row, entry
        Entries of each column, in the manner of compressed sparse columns.
    first_of_slot
        The columns of slot *e* are those from ``first_of_slot[e]`` to before ``first_of_slot[e + 1]``.
    must
        Slots that have to be served.
    """

    points: Floats
    first_row: Integers
    row: Integers
    entry: Floats
    first_of_slot: Integers
    must: Flags


class Menu(NamedTuple):
    """Everything that the columns of plain engagements are made of, without the columns.

    Attributes
    ----------
    first_of_list, agent, match
        Lists of agents who may take some work, with their level fit, in the manner of compressed sparse rows.
    list_of
        Which list each engagement has.
    minutes, worth, earliest, due, latest
        Of each engagement.
    last
        Last start that is priced; −1 where none is.
    channel, contacts
        Channel of each engagement; simultaneous contacts, channels × agents.
    first_known, known
        Agents whom the customer of each engagement knows.
    first_own, own_agent, own_minutes, own_value
        Agents with minutes or a value of their own for an engagement; NaN where the value is not given.
    capacity
        Agents × intervals, minutes.
    service, match_weight, continuity, late_share
        Of the policy.
    """

    first_of_list: Integers
    agent: NDArray[np.int32]
    match: Floats
    list_of: Integers
    minutes: Floats
    worth: Floats
    earliest: Integers
    due: Integers
    latest: Integers
    last: Integers
    channel: Integers
    contacts: Floats
    first_known: Integers
    known: Integers
    first_own: Integers
    own_agent: Integers
    own_minutes: Floats
    own_value: Floats
    capacity: Floats
    interval_minutes: float
    service: float
    match_weight: float
    continuity: float
    late_share: float


class Best(NamedTuple):
    """The best columns of each engagement.

    Attributes
    ----------
    agent, start
        Of each column, engagements × columns kept; agent −1 where there are fewer.
    key
        By which they are kept, highest first: points at the prices asked for, and chance.
    value
        Points of the best column of each engagement without any chance, at least 0.
    """

    agent: NDArray[np.int32]
    start: NDArray[np.int32]
    key: Floats
    value: Floats
