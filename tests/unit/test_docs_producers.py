"""The code and the tables of docs/producers.md."""

import ast
import asyncio
import inspect
import re
from contextlib import nullcontext
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any
from unittest.mock import MagicMock

import pytest

from dash_pipe import runtime, source
from dash_pipe.producers.sources import Sources
from harness.recipes import CODE

TEXT = (Path(__file__).parents[2] / "docs" / "producers.md").read_text("utf-8")
BLOCKS = CODE.findall(TEXT)
THEIRS = {"ask_exchange": float, "open_port": nullcontext, "exchange": None, "valve": MagicMock()}


async def run(code: str) -> dict[str, Any]:
    """Run a block, which may await."""
    names = dict(THEIRS)
    compiled = compile(code, "producers.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    assert isinstance(compiled, CodeType)
    waiting = FunctionType(compiled, names)()
    if waiting is not None:
        await waiting
    return names


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_block_of_the_page_runs(code: str) -> None:
    names = asyncio.run(run(code))
    if "stop" in names:
        names["stop"]()


def test_sources_of_the_page_are_declared() -> None:
    for code in BLOCKS[:2]:
        asyncio.run(run(code))
    declared = runtime.current().program.declared(Sources)
    channels = ("prices", "sensors", "ticker-ABC")
    found = [[(made.label, values) for made, values in declared.of(name)] for name in channels]
    assert found == [[("gold", {})], [(None, {})], [("price", {"symbol": "ABC"})]]


def test_table_names_each_argument_of_source() -> None:
    table = TEXT.split("| argument | |\n|---|---|\n")[1].split("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == [*inspect.signature(source).parameters]
