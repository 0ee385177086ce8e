"""The table of mechanisms that can be switched off matches the sources and the tests."""

import ast
from pathlib import Path

import pytest

from harness.server import ROOT
from switched_off import edits
from switched_off.changes import Body, Change, EditError, Replace, Skip
from switched_off.edits import Edit
from switched_off.mutants import MUTANTS
from switched_off.table import MODULES, SWITCHES

PYTHON = """\
class Bell:
    def ring(self):
        # the loud one
        if self.count(
            1, 2
        ):
            self.strike(3)
        self.rung = True

def ring():
    self.strike(3)
"""
TYPESCRIPT = """\
export class Bell {
  /** The loud one. */
  ring() {
    if (
      this.count(
        1, // first
        2,
      )
    )
      this.strike(3);
    this.rung = true;
  }
}
const ring = () => this.strike(3);
"""
LANGUAGES = pytest.mark.parametrize(
    ("file", "text", "me"),
    [("bell.py", PYTHON, "self"), ("bell.ts", TYPESCRIPT, "this")],
    ids=["Python", "TypeScript"],
)


def apply(file: Path, text: str, symbol: str, change: Change) -> str:
    """Return the text with a change at a symbol."""
    file.write_text(text, encoding="utf-8")
    (edited,) = edits.apply(file.parent, [Edit(f"{file.name}:{symbol}", change)]).values()
    return edited


def names_of_tests(module: str) -> set[str]:
    tree = ast.parse((ROOT / f"tests/browser/test_{module}.py").read_text(encoding="utf-8"))
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f"{module}::{name}" for name in functions if name.startswith("test_")}


def test_each_switch_applies_once_and_changes_its_file() -> None:
    changes = [switch.edit for switch in (*SWITCHES, *MUTANTS)]
    for edit, text in edits.apply(ROOT, changes).items():
        assert text != (ROOT / edit.file).read_text(encoding="utf-8"), edit


def test_each_mutant_names_tests_that_exist() -> None:
    names = {name for mutant in MUTANTS for name in mutant.fails}
    assert all((ROOT / name).is_file() for name in names)


def test_replace_in_a_script_needs_one_place(tmp_path: Path) -> None:
    change = Replace("ring()", "hum()")
    assert apply(tmp_path / "bell.lua", "ring()", "", change) == "hum()"
    with pytest.raises(EditError, match="found it 2 times"):
        apply(tmp_path / "bell.lua", "ring() ring()", "", change)


def test_each_test_of_the_modules_fails_for_some_switch() -> None:
    assert all(switch.fails for switch in SWITCHES)
    named = {name.partition("[")[0] for switch in SWITCHES for name in switch.fails}
    assert named == set.union(*map(names_of_tests, MODULES))


@LANGUAGES
def test_replace_expression_in_another_layout_is_replaced(
    file: str, text: str, me: str, tmp_path: Path
) -> None:
    edited = apply(tmp_path / file, text, "Bell.ring", Replace(f"{me}.count(1,2)", "0"))
    assert "(0)" in edited
    assert "count" not in edited


@LANGUAGES
def test_skip_call_is_removed_from_its_symbol_only(
    file: str, text: str, me: str, tmp_path: Path
) -> None:
    edited = apply(tmp_path / file, text, "Bell.ring", Skip(f"{me}.strike"))
    assert edited.count("strike") == 1


@LANGUAGES
def test_skip_assignment_is_removed(file: str, text: str, me: str, tmp_path: Path) -> None:
    assert "rung" not in apply(tmp_path / file, text, "Bell.ring", Skip(f"{me}.rung"))


@LANGUAGES
def test_body_of_method_is_replaced(file: str, text: str, me: str, tmp_path: Path) -> None:
    edited = apply(tmp_path / file, text, "Bell.ring", Body("return 7"))
    assert "return 7" in edited
    assert "count" not in edited
    assert f"{me}.strike(3)" in edited


@LANGUAGES
def test_body_of_function_is_replaced(file: str, text: str, me: str, tmp_path: Path) -> None:
    edited = apply(tmp_path / file, text, "ring", Body("return 7"))
    assert "return 7" in edited
    assert f"{me}.count" in edited
    assert edited.count(f"{me}.strike(3)") == 1


@LANGUAGES
@pytest.mark.parametrize(
    ("symbol", "change"),
    [
        ("Bell.ring", Replace("nothing", "0")),
        ("Bell.ring", Skip("nothing")),
        ("Bell.hum", Body()),
    ],
)
def test_edit_without_its_place_is_an_error(
    file: str, text: str, me: str, symbol: str, change: Change, tmp_path: Path
) -> None:
    with pytest.raises(EditError, match=f"{file}:{symbol}: expected .* found it 0 times"):
        apply(tmp_path / file, text, symbol, change)


@LANGUAGES
def test_edit_of_a_place_that_is_there_often_is_an_error(
    file: str, text: str, me: str, tmp_path: Path
) -> None:
    with pytest.raises(EditError, match=f"expected '{me}' once, found it 3 times"):
        apply(tmp_path / file, text, "Bell.ring", Replace(me, "0"))


@LANGUAGES
def test_edit_that_breaks_the_syntax_is_an_error(
    file: str, text: str, me: str, tmp_path: Path
) -> None:
    with pytest.raises(EditError, match=f"{file}:ring"):
        apply(tmp_path / file, text, "ring", Body("return ("))
