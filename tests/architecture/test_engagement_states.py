"""Nothing but the life cycle moves an engagement, and nothing holds a customer's key that erasing does not know."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from webapp.db import Base
from webapp.services.customers import HOLDERS

ROOT = Path(__file__).resolve().parents[2]
OWNER = ROOT / "webapp/services/lifecycle.py"
STATES = {"EngagementState", "lifecycle"}


def names_in(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def assignments_of_state(source: str) -> list[int]:
    """Return the lines that give something named like an engagement a state, or write one by a statement."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            flat = [part for target in targets for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
            value = names_in(node.value) if node.value is not None else set()
            for target in flat:
                if isinstance(target, ast.Attribute) and target.attr == "state":
                    whose = ast.unparse(target.value)
                    if "engagement" in whose.lower() or value & STATES:
                        lines.append(node.lineno)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".values"):
            states = [each for each in node.keywords if each.arg == "state" and names_in(each.value) & STATES]
            lines += [node.lineno for _ in states]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "setattr" and len(node.args) == 3:
            written = node.args[1]
            if isinstance(written, ast.Constant) and written.value == "state" and names_in(node.args[2]) & STATES:
                lines.append(node.lineno)
    return lines


def test_only_the_life_cycle_assigns_the_state_of_an_engagement():
    astray = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / "webapp").rglob("*.py"))
        if path != OWNER and (lines := assignments_of_state(path.read_text("utf-8")))
    }

    assert astray == {}


@pytest.mark.parametrize(
    "line",
    [
        "engagement.state = wanted",
        "assignment.engagement.state = EngagementState.DONE",
        "each.state, each.version = EngagementState.DONE, 2",
        "update(Engagement).values(state=EngagementState.DONE)",
        "setattr(row, 'state', EngagementState.DONE)",
    ],
)
def test_an_assignment_elsewhere_is_found(line):
    assert assignments_of_state(line) == [1]


def test_the_life_cycle_itself_assigns_it():
    assert assignments_of_state(OWNER.read_text("utf-8"))


def test_every_table_with_a_customers_key_is_erased():
    holding = {
        table.name for table in Base.metadata.tables.values() for column in table.columns if "customer" in column.name
    }

    assert holding == set(HOLDERS), "add these to HOLDERS in webapp/services/customers.py"


@pytest.mark.parametrize("name", sorted(HOLDERS))
def test_what_is_cleared_is_a_column_of_its_table(name):
    assert set(HOLDERS[name].clears) <= set(Base.metadata.tables[name].columns.keys())
