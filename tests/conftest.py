"""The hooks, fixtures and options that all tests share."""

from hypothesis import settings

from harness.isolation import (  # noqa: F401 - hooks, and a fixture that every test has
    fresh_runtime,
    pytest_make_collect_report,
    pytest_runtest_setup,
    pytest_runtest_teardown,
)

# Every run tries new examples; a failure prints the blob that reproduces it.
settings.register_profile("dash-pipe", derandomize=False, print_blob=True, deadline=None)
settings.load_profile("dash-pipe")

pytest_plugins = ["harness.shards"]  # the option --shard
