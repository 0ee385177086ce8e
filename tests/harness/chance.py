"""The seed of what a test chooses by chance.

The gate chooses the same each time, so that it judges the change and nothing else. The lanes of
the night set SEARCH and choose anew.
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
