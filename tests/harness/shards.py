"""The option `--shard=1/4`: run the first of four parts of the tests.

The parts are whole files, since the tests of a file share servers. They have about the same number
of tests, and are the same on every machine.
"""

import argparse
from collections import Counter

import pytest


def shard(text: str) -> tuple[int, int]:
    """Read `1/4` as the first of four."""
    number, slash, total = text.partition("/")
    if not (slash and number.isdigit() and total.isdigit() and 1 <= int(number) <= int(total)):
        raise argparse.ArgumentTypeError(f"expected a part such as 1/4, got {text!r}")
    return int(number), int(total)


def split(tests: Counter[str], total: int) -> list[set[str]]:
    """Split files with their numbers of tests into parts of about the same size."""
    parts: list[set[str]] = [set() for _ in range(total)]
    sizes = [0] * total
    for name in sorted(tests, key=lambda name: (-tests[name], name)):
        smallest = sizes.index(min(sizes))
        parts[smallest].add(name)
        sizes[smallest] += tests[name]
    return parts


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--shard", type=shard, metavar="N/M", help="run part N of M parts of the tests"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if (chosen := config.getoption("--shard")) is None:
        return
    number, total = chosen
    ours = split(Counter(item.path.as_posix() for item in items), total)[number - 1]
    left_out = [item for item in items if item.path.as_posix() not in ours]
    items[:] = [item for item in items if item.path.as_posix() in ours]
    config.hook.pytest_deselected(items=left_out)
