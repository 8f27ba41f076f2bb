"""
Mutants of a module: copies that differ in one small way, each of which some test ought to notice.

Operators after DeMillo, Lipton and Sayward, "Hints on test data selection" (1978), doi:10.1109/C-M.1978.218136:
comparisons, connectives and arithmetic operators are swapped, numbers moved by one, conditions negated,
statements removed.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
REMOVABLE = (ast.Expr, ast.AugAssign, ast.Continue, ast.Break)
Edit = Callable[[ast.AST], None]


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module with one small change.

    Attributes
    ----------
    line
        Where the change is in the original.
    before, after
        The changed piece of code as it was and is.
    source
        The whole changed module.
    """

    line: int
    before: str
    after: str
    source: str


def mutate(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its syntax tree."""
    tree = ast.parse(source)
    ignored = {id(node) for root in _ignored_roots(tree) for node in ast.walk(root)}
    for index, node in enumerate(ast.walk(tree)):
        if id(node) in ignored:
            continue
        for edit in _edits(node):
            changed = copy.deepcopy(tree)
            target = list(ast.walk(changed))[index]
            edit(target)
            ast.fix_missing_locations(changed)
            yield Mutant(_line(node), _text(node), _text(target), ast.unparse(changed) + "\n")


def _ignored_roots(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield what has no effect that a test could or should see: annotations and the words of messages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield node
        for field in ("annotation", "returns"):
            annotation = getattr(node, field, None)
            if annotation is not None:
                yield annotation


def _edits(node: ast.AST) -> Iterator[Edit]:
    """Yield functions that change a copy of this node, each in one way."""
    yield from _other_operators(node)
    if isinstance(node, ast.Constant):
        yield from _other_constants(node)
    yield from _other_conditions(node)
    for field in ("body", "orelse"):
        statements = getattr(node, field, None)
        for position, statement in enumerate(statements if isinstance(statements, list) else ()):
            if isinstance(statement, REMOVABLE) and not _is_text(statement):
                yield partial(_replace_in, field, position, ast.Pass())


def _other_operators(node: ast.AST) -> Iterator[Edit]:
    if isinstance(node, ast.Compare):
        for position, operator in enumerate(node.ops):
            if type(operator) in SWAPPED:
                yield partial(_replace_in, "ops", position, SWAPPED[type(operator)]())
    elif isinstance(node, ast.BoolOp | ast.BinOp | ast.AugAssign) and type(node.op) in SWAPPED:
        yield partial(_replace, "op", SWAPPED[type(node.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield partial(_replace, "op", ast.UAdd())


def _other_conditions(node: ast.AST) -> Iterator[Edit]:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield partial(_replace, "test", ast.UnaryOp(ast.Not(), node.test))
    elif isinstance(node, ast.comprehension):
        for position, condition in enumerate(node.ifs):
            yield partial(_replace_in, "ifs", position, ast.UnaryOp(ast.Not(), condition))


def _other_constants(node: ast.Constant) -> Iterator[Edit]:
    if isinstance(node.value, bool):
        yield partial(_replace, "value", not node.value)
    elif isinstance(node.value, int | float):
        # Tolerances are so small that a step of one would change something else than the tolerance.
        step = 1 if abs(node.value) >= 1e-3 or node.value == 0 else 9 * node.value
        for other in (node.value + step, node.value - step):
            yield partial(_replace, "value", other)


def _replace(field: str, value: object, target: ast.AST) -> None:
    setattr(target, field, value)


def _replace_in(field: str, position: int, value: object, target: ast.AST) -> None:
    getattr(target, field)[position] = value


def _is_text(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _line(node: ast.AST) -> int:
    inner = node.ifs[0] if isinstance(node, ast.comprehension) else node
    return int(getattr(inner, "lineno", 0))


def _text(node: ast.AST) -> str:
    """Return a piece of code on one line; of a statement with a body the whole, as far as it fits."""
    return " ".join(ast.unparse(node).split())[:160]
