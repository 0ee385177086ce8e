"""The settings: one table, resolved from keywords, the environment, a project and the defaults."""

from __future__ import annotations

from .function_path import FunctionPath
from .keywords import Keywords
from .resolve import PREFIX, Project, resolve
from .table import Authorize, Settings

__all__ = ["PREFIX", "Authorize", "FunctionPath", "Keywords", "Project", "Settings", "resolve"]
