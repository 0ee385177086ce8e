"""Send messages: check and encode them, publish them where pages read, count the lost ones."""

from .send import async_send_to_pipe_channel, prepared, send_to_pipe_channel

__all__ = ["async_send_to_pipe_channel", "prepared", "send_to_pipe_channel"]
