"""What all tests share."""

from hypothesis import settings

# Every run looks at new examples; a failure prints the blob that reproduces it.
settings.register_profile("dash-pipe", derandomize=False, print_blob=True, deadline=None)
settings.load_profile("dash-pipe")

pytest_plugins = ["harness.shards"]  # the option --shard
