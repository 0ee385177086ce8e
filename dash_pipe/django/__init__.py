"""dash-pipe in a Django project: settings, routing, senders. See docs/django.md.

Put ``"dash_pipe.django"`` in ``INSTALLED_APPS``, and in asgi.py take ``application`` from
``dash_pipe.django.routing``, or the patterns there. Views, signals, commands and tasks send with
the functions here.
"""

from __future__ import annotations

from ..sending import async_send_to_pipe_channel, send_to_pipe_channel
from .sending import send_on_commit

__all__ = ["async_send_to_pipe_channel", "send_on_commit", "send_to_pipe_channel"]
