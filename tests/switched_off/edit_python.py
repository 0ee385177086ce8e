"""Changes of Python sources."""

from __future__ import annotations

import ast
import itertools
import textwrap
from typing import TypeVar

from switched_off.changes import Body, Change, EditError, Replace, Skip

T = TypeVar("T")
Function = ast.FunctionDef | ast.AsyncFunctionDef
Definition = Function | ast.ClassDef
Node = ast.stmt | ast.expr  # nodes with a place in the text


def edit(text: str, symbol: str, change: Change) -> str:
    """Return the text with the change made inside the symbol, as ``Log.read``.

    Raises:
        EditError: There is no such symbol, or not exactly one place to change in it.
    """
    definition = _find(ast.parse(text), symbol)
    match change:
        case Replace(was, now):
            wanted = _parse(was)
            now = f"({now})" if isinstance(wanted, ast.expr) else now
            first = last = _one(_alike(definition, wanted), was)
        case Skip(name):
            now = "pass"
            first = last = _one(_about(definition, name), name)
        case Body(now):
            first, last = _statements(definition, symbol)
            now = textwrap.indent(now or "pass", " " * first.col_offset).lstrip()
    edited = _splice(text, first, last, now)
    ast.parse(edited)
    return edited


def _find(tree: ast.Module, symbol: str) -> Definition:
    bodies = [tree.body]
    for name in symbol.split("."):
        statements = itertools.chain.from_iterable(bodies)
        found = [one for one in statements if isinstance(one, Definition) and one.name == name]
        bodies = [one.body for one in found]
    return _one(found, symbol)


def _one(found: list[T], name: str) -> T:
    if len(found) != 1:
        raise EditError(f"expected {name!r} once, found it {len(found)} times")
    return found[0]


def _parse(code: str) -> Node:
    statement = _one(ast.parse(code).body, code)
    return statement.value if isinstance(statement, ast.Expr) else statement


def _alike(definition: Definition, wanted: Node) -> list[Node]:
    dump = ast.dump(wanted)
    nodes = (node for node in ast.walk(definition) if isinstance(node, Node))
    return [node for node in nodes if ast.dump(node) == dump]


def _about(definition: Definition, name: str) -> list[Node]:
    """Return the statements that call a name or assign to it."""
    found: list[Node] = []
    for node in ast.walk(definition):
        match node:
            case ast.Expr(ast.Call(subject)) | ast.Expr(ast.Await(ast.Call(subject))):
                subjects = [subject]
            case ast.Assign(targets):
                subjects = targets
            case ast.AugAssign(subject) | ast.AnnAssign(subject):
                subjects = [subject]
            case _:
                continue
        if name in map(ast.unparse, subjects):
            found.append(node)
    return found


def _statements(definition: Definition, symbol: str) -> tuple[ast.stmt, ast.stmt]:
    """Return the first and the last statement of a function."""
    if isinstance(definition, ast.ClassDef):
        raise EditError(f"expected a function, found the class {symbol!r}")
    return definition.body[0], definition.body[-1]


def _splice(text: str, first: Node, last: Node, now: str) -> str:
    data = text.encode()  # columns count bytes
    starts = [0, *itertools.accumulate(map(len, data.splitlines(keepends=True)))]
    begin = starts[first.lineno - 1] + first.col_offset
    end = starts[(last.end_lineno or 0) - 1] + (last.end_col_offset or 0)
    return (data[:begin] + now.encode() + data[end:]).decode()
