"""Run sources: functions that produce the messages of a channel, once, while somebody listens."""

from .listener_count import async_listeners, listeners
from .listener_watch import watch_listeners
from .source import source

__all__ = ["async_listeners", "listeners", "source", "watch_listeners"]
