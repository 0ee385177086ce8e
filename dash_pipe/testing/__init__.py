"""Test an app or a broker with pytest, which only this folder imports.

The fixture ``pipe_messages`` is for the tests of apps; see docs/recipes.md. In ``conftest.py``::

    pytest_plugins = ["dash_pipe.testing"]

``dash_pipe.testing.brokers`` has the tests that every broker must pass; see docs/brokers.md.
"""

from __future__ import annotations

import pytest

from .messages import TIMEOUT, PipeMessages, SentMessage, own_messages, pipe_messages

__all__ = ["TIMEOUT", "PipeMessages", "SentMessage", "own_messages", "pipe_messages"]

# A failed assertion there then shows its values; it has to be said before the import.
pytest.register_assert_rewrite(f"{__name__}.brokers")
