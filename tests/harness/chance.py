"""The seed of what a test chooses by chance.

The gate uses the same seeds in each run, so it judges the change and nothing else. The nightly
lanes set SEARCH, and use new ones.
"""

import os
import random

SEARCH = bool(os.environ.get("SEARCH"))


def seed(variable: str) -> int:
    """Return the seed that an environment variable names: by default 1, a new one in a search."""
    given = os.environ.get(variable)
    if given:
        return int(given)
    return random.SystemRandom().randrange(2**32) if SEARCH else 1
