"""Use dash-pipe in a Django project: settings, routes, senders. See docs/django.md.

Add ``"dash_pipe.django"`` to ``INSTALLED_APPS``. In asgi.py import ``application``, or the lists of
patterns, from ``dash_pipe.django.routing``. Send from views, signals, commands and tasks with the
functions here.
"""

from __future__ import annotations

from ..sending import async_send_to_pipe_channel, send_to_pipe_channel
from .sending import send_on_commit

__all__ = ["async_send_to_pipe_channel", "send_on_commit", "send_to_pipe_channel"]
