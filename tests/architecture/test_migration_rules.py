"""
A migration runs while the version before it still serves: what that version could not live with is refused here.

``docs/operations.md`` says how to do it in two releases instead. A migration that has to stop the service says why, in
a line ``# downtime: …``.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

VERSIONS = Path(__file__).resolve().parents[2] / "migrations" / "versions"
FIRST_WATCHED = 33
"""Those before it were written for installations that nobody runs yet."""

_REASON = re.compile(r"^# downtime: \S.{9,}$", re.MULTILINE)


def find_stops(source: str) -> list[str]:
    """Return what in a migration's ``upgrade`` a running older version, or a large table, could not live with."""
    tree = ast.parse(source)
    upgrade = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade")
    calls = [
        (node, node.func.attr)
        for node in ast.walk(upgrade)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]
    created = {_name(call) for call, verb in calls if verb == "create_table"}
    found = []
    for call, verb in calls:
        words = {word.arg: word.value for word in call.keywords}
        if verb in {"drop_column", "drop_table", "rename_table"}:
            found.append(f"{verb}: the older version still reads it")
        elif verb == "alter_column":
            found += [f"alter_column {name}" for name in ("new_column_name", "type_") if name in words]
            if _is(words.get("server_default"), value=None):
                found.append("alter_column server_default=None: the older version relies on it")
            if _is(words.get("nullable"), value=False):
                found.append("alter_column nullable=False: the older version still writes nothing there")
        elif verb == "add_column" and _needs_value(call):
            found.append("add_column without null or server_default: the older version does not fill it")
        elif verb == "create_index" and not (
            created & {_name(call, 1), _table_of_batch(call, upgrade)}
            or _is(words.get("postgresql_concurrently"), value=True)
        ):
            found.append("create_index: it holds up all who write, until it is built")
    return found


def _name(call: ast.Call, place: int = 0) -> str | None:
    given = call.args[place] if len(call.args) > place else None
    return given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else None


def _table_of_batch(call: ast.Call, upgrade: ast.FunctionDef) -> str | None:
    for block in ast.walk(upgrade):
        if isinstance(block, ast.With) and call in ast.walk(block):
            opened = block.items[0].context_expr
            return _name(opened) if isinstance(opened, ast.Call) else None
    return None


def _needs_value(call: ast.Call) -> bool:
    columns = [each for each in call.args if isinstance(each, ast.Call)]
    words = {word.arg: word.value for column in columns for word in column.keywords}
    return _is(words.get("nullable"), value=False) and "server_default" not in words


def _is(node: ast.expr | None, *, value: bool | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


@pytest.mark.parametrize("path", sorted(VERSIONS.glob("*.py")), ids=lambda path: path.stem)
def test_migration_lets_the_version_before_it_run_on(path):
    source = path.read_text(encoding="utf-8")
    if int(path.stem[:4]) < FIRST_WATCHED or _REASON.search(source):
        return

    assert find_stops(source) == []


@pytest.mark.parametrize(
    ("line", "stops"),
    [
        ('op.drop_column("person", "name")', 1),
        ('op.drop_table("person")', 1),
        ('op.rename_table("person", "human")', 1),
        ('op.alter_column("person", "name", new_column_name="title")', 1),
        ('op.alter_column("person", "name", nullable=False)', 1),
        ('op.alter_column("person", "name", nullable=True)', 0),
        ('op.alter_column("person", "name", type_=sa.Text())', 1),
        ('op.alter_column("person", "name", server_default=None)', 1),
        ('op.add_column("person", sa.Column("age", sa.Integer(), nullable=False))', 1),
        ('op.add_column("person", sa.Column("age", sa.Integer(), nullable=False, server_default="0"))', 0),
        ('op.add_column("person", sa.Column("age", sa.Integer(), nullable=True))', 0),
        ('op.create_index("ix_person_name", "person", ["name"])', 1),
        ('op.create_index("ix_person_name", "person", ["name"], postgresql_concurrently=True)', 0),
        ('op.create_table("new", sa.Column("id")); op.create_index("ix_new_id", "new", ["id"])', 0),
        ('\n    with op.batch_alter_table("person") as batch:\n        batch.drop_column("name")', 1),
        ('\n    with op.batch_alter_table("person") as batch:\n        batch.create_index("ix_x", ["name"])', 1),
    ],
)
def test_rule_finds_what_stops_the_service(line, stops):
    assert len(find_stops(f"def upgrade():\n    {line}\n")) == stops


@pytest.mark.parametrize(("line", "is_one"), [("# downtime: the table is rebuilt", True), ("# downtime: no", False)])
def test_reason_is_a_sentence(line, is_one):
    assert bool(_REASON.search(line)) is is_one
