"""Problems that are kept between pages: never another than the stored one, and not without end."""

from __future__ import annotations

import json

from webapp.services.planning import store, stored_problems
from webapp.services.planning.stored_problems import KeptProblems


def test_kept_problem_is_read_once_and_equals_the_stored_one(session, solve_day, monkeypatch):
    kept = KeptProblems()
    monkeypatch.setattr(stored_problems, "_kept", kept)
    run = solve_day().run
    session.commit()
    session.expire(run)

    first = store.load_problem(run)
    again = store.load_problem(run)

    assert again is first
    assert first.to_json() == run.problem
    assert len(kept) == 1


def test_changed_problem_is_read_anew(session, solve_day):
    run = solve_day().run
    session.commit()
    session.expire(run)
    before = store.load_problem(run)

    run.problem = before.to_json() | {"engagements": []}

    assert store.load_problem(run).engagements == ()
    session.flush()
    session.expire(run)
    assert store.load_problem(run).engagements == ()
    assert before.engagements


def test_only_the_last_problems_are_kept_and_none_that_is_too_long(solve_day):
    text = json.dumps(solve_day().run.problem)
    kept = KeptProblems(most=2, longest=len(text) + 2)

    first = kept.read(text)
    assert kept.read(text) is first
    # Another text of the same problem is another one to whoever compares hashes.
    kept.read(text + " ")
    kept.read(text + "  ")

    assert len(kept) == 2
    assert kept.read(text) is not first
    assert kept.read(text + "   ") == first
    assert len(kept) == 2
