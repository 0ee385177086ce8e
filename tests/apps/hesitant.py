"""The room, with an `authorize` that does not return the first time."""

import threading
from itertools import count

import dash_pipe
from room import app, server  # noqa: F401

calls = count(1)


def authorize(request, channel, labels):
    if next(calls) == 1:
        threading.Event().wait(60)
    return True


dash_pipe.configure(authorize=authorize, authorize_timeout=0.3)
