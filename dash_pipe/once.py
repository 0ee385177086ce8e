"""Warnings of which a log needs one."""

from __future__ import annotations

import logging
from functools import cache

logger = logging.getLogger("dash_pipe")


@cache
def warn_once(text: str) -> None:
    """Warn, the first time in this process that there is this to say."""
    logger.warning(text)
