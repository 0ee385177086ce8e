"""Own what a process has one of: settings, broker, parts and diagnostics."""

from __future__ import annotations

from .runtime import Runtime, current, swapped

__all__ = ["Runtime", "current", "swapped"]
