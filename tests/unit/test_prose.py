"""The style of docstrings in all Python files; CONTRIBUTING.md explains it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("benchmarks", "dash_pipe", "examples", "tests", "tools")
GENERATED = {"Pipe.py", "_imports_.py"}
CLAUSE = re.compile(r"(?:What|Who|Whoever|Where|How|Whether|Which|Why|When)\b")


def first_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the place and the first line of each docstring of a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node) or ""
            place = f"{path.name}:{getattr(node, 'lineno', 1)}"
            yield place, text.partition("\n")[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_docstring_begins_with_an_imperative_or_a_noun(folder: str) -> None:
    files = [path for path in (ROOT / folder).rglob("*.py") if path.name not in GENERATED]
    clauses = [
        f"{place}: {line}"
        for path in files
        for place, line in first_lines(path)
        if CLAUSE.match(line)
    ]
    assert not clauses


def test_first_lines_finds_module_class_and_function(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text('"""Mod."""\nclass A:\n  """Cls.\n\n  More."""\n  def f(self):\n    """Fun."""')
    assert [line for _, line in first_lines(file)] == ["Mod.", "Cls.", "Fun."]
