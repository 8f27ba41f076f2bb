"""
The assignment optimizer: which agent takes which engagement, when, and whose minutes are kept for calls to come.

A pure package: frozen dataclasses in, plain data out. `Problem.from_json` reads a problem, `solve` solves it in this
process and `solve_in_child` in one of its own, `verify` checks a plan independently, `explain` says why.
"""
