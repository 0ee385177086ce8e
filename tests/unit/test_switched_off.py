"""The table of mechanisms that can be switched off fits the sources and the tests that it names."""

import ast
from pathlib import Path

import pytest

from harness.server import ROOT
from switched_off.table import FILES, SWITCHES

BROWSER = Path(ROOT) / "tests" / "browser"


def those_of(module):
    tree = ast.parse((BROWSER / f"test_{module}.py").read_text(encoding="utf-8"))
    functions = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {f"{module}::{name[len('test_') :]}" for name in functions if name.startswith("test_")}


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.off)
def test_what_is_switched_off_stands_where_the_table_says(switch):
    assert (Path(ROOT) / switch.file).read_text(encoding="utf-8").count(switch.was) == 1
    assert switch.fails


def test_every_test_fails_for_some_switch():
    named = {name.partition("[")[0] for switch in SWITCHES for name in switch.fails}
    assert named == set.union(*[those_of(module) for module in FILES])
