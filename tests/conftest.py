"""The hooks, fixtures and options that all tests share."""

from pathlib import Path

import pytest
from hypothesis import settings

from harness import chance
from harness.isolation import (  # noqa: F401 - hooks, and a fixture that every test has
    fresh_runtime,
    pytest_make_collect_report,
    pytest_runtest_setup,
    pytest_runtest_teardown,
)

# A failure prints the blob that reproduces it.
settings.register_profile(
    "dash-pipe", derandomize=not chance.SEARCH, print_blob=True, deadline=None
)
settings.load_profile("dash-pipe")

pytest_plugins = ["harness.shards"]  # the option --shard


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the lanes that run every night, unless the command names them."""
    if collection_path.name not in ("attacks", "drives", "other_browsers"):
        return None
    return None if any(collection_path.name in argument for argument in config.args) else True
