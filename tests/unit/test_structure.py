"""The script that measures the structure of the code."""

from pathlib import Path

import pytest

from tools import structure
from tools.structure import Function

FLOORS = [{"errors"}, {"log"}, {"hub"}]
TREE = {
    "dash_pipe/__init__.py": "from .hub import Hub",
    "dash_pipe/errors.py": "class Error(Exception): ...",
    "dash_pipe/log/__init__.py": "from .window import Window",
    "dash_pipe/log/window.py": "def read():\n    from ..errors import Error\n    return Error",
    "dash_pipe/hub.py": "from . import errors\nfrom .log.window import read\nimport json",
    "tests/unit/test_imports.py": f"FLOORS = {FLOORS}",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in TREE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture(autouse=True)
def _no_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(structure, "typescript_functions", lambda root, files: [])


def test_measure_tree_counts_rooms_and_arrows(tree: Path) -> None:
    found = structure.measure(tree)
    assert found.graph == {"errors": set(), "log": {"errors"}, "hub": {"errors", "log"}}
    assert (found.files, found.small, found.folders) == (5, 5, 1)
    assert structure.levels(found.graph) == 3
    assert found.python == [Function(3, "dash_pipe/log/window.py:1", "read")]
    assert structure.faults(found) == []


def test_faults_upward_import_and_cycle_are_named(tree: Path) -> None:
    (tree / "dash_pipe/errors.py").write_text("from .hub import Hub", encoding="utf-8")
    assert structure.faults(structure.measure(tree)) == [
        "rooms import each other: errors, hub, log",
        "an import runs up: errors -> hub",
    ]


def test_faults_long_function_is_named(tree: Path) -> None:
    body = "\n".join(["def long():"] + ["    pass"] * structure.LONGEST_FUNCTION)
    (tree / "dash_pipe/errors.py").write_text(body, encoding="utf-8")
    (fault,) = structure.faults(structure.measure(tree))
    assert fault == "dash_pipe/errors.py:1: long has 41 lines, the maximum is 40"


def test_measure_room_without_floor_is_an_arrow_up(tree: Path) -> None:
    (tree / "dash_pipe/attic.py").write_text("from .errors import Error", encoding="utf-8")
    assert structure.measure(tree).up == ["attic -> errors"]


def test_measure_without_floors_raises(tree: Path) -> None:
    (tree / "tests/unit/test_imports.py").write_text("", encoding="utf-8")
    with pytest.raises(LookupError, match="FLOORS"):
        structure.measure(tree)
