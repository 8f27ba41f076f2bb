"""
The assignment optimizer: which agent takes which engagement, when, and whose minutes are kept for calls to come.

A pure package: frozen dataclasses in, plain data out. `Problem.from_json` reads a problem, `solve` solves it in this
process and `solve_in_child` in one of its own, `verify` checks a plan independently, `explain` says why.
"""

from optimizer.control import Control
from optimizer.counterfactual import what_would_change
from optimizer.explain import explain, why, why_not
from optimizer.fixes import apply_fix
from optimizer.moves import Move, MoveCheck, MoveError, apply_moves, check_move
from optimizer.plan import Plan, Progress, Status
from optimizer.policy import PRESETS, Policy
from optimizer.problem import Problem
from optimizer.process import solve_in_child
from optimizer.ranges import PriceRange, price_ranges
from optimizer.reading import ProblemError
from optimizer.score import Score, even_spread, score_reservations
from optimizer.sentences import Sentences
from optimizer.solve import solve
from optimizer.verify import Violation, verify
from optimizer.weighing import weigh_terms

__all__ = [
    "PRESETS",
    "Control",
    "Move",
    "MoveCheck",
    "MoveError",
    "Plan",
    "Policy",
    "PriceRange",
    "Problem",
    "ProblemError",
    "Progress",
    "Score",
    "Sentences",
    "Status",
    "Violation",
    "apply_fix",
    "apply_moves",
    "check_move",
    "even_spread",
    "explain",
    "price_ranges",
    "score_reservations",
    "solve",
    "solve_in_child",
    "verify",
    "weigh_terms",
    "what_would_change",
    "why",
    "why_not",
]
