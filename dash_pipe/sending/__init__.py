"""Send messages: check and encode them, publish them where pages read, count the lost ones."""

from .commands import disconnect, revoke
from .publishing import publish_counted, publish_text
from .send import async_send_to_pipe_channel, checked_text, prepared, send_to_pipe_channel

__all__ = [
    "async_send_to_pipe_channel",
    "checked_text",
    "disconnect",
    "prepared",
    "publish_counted",
    "publish_text",
    "revoke",
    "send_to_pipe_channel",
]
