"""Send messages: check and encode them, publish them where pages read, count the lost ones."""

from .commands import disconnect, revoke
from .send import async_send_to_pipe_channel, prepared, send_to_pipe_channel

__all__ = [
    "async_send_to_pipe_channel",
    "disconnect",
    "prepared",
    "revoke",
    "send_to_pipe_channel",
]
