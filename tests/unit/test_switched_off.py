"""The table of mechanisms that can be switched off matches the sources and the tests."""

import ast
from pathlib import Path

import pytest

from harness.server import ROOT
from switched_off.table import FILES, SWITCHES

BROWSER = Path(ROOT) / "tests" / "browser"


def names_in(module):
    tree = ast.parse((BROWSER / f"test_{module}.py").read_text(encoding="utf-8"))
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f"{module}::{name[len('test_') :]}" for name in functions if name.startswith("test_")}


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.off)
def test_switched_text_occurs_once_in_its_file(switch):
    assert (Path(ROOT) / switch.file).read_text(encoding="utf-8").count(switch.was) == 1
    assert switch.fails


def test_every_listed_test_is_named_by_a_switch():
    named = {name.partition("[")[0] for switch in SWITCHES for name in switch.fails}
    assert named == set.union(*[names_in(module) for module in FILES])
