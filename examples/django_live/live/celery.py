"""Presses from a Celery worker, a process that serves no browser: `celery -A live worker`.

Celery sets Django up in the worker, so dash-pipe has the project's settings there too.
"""

import os

from celery import Celery

from .presses import press

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "live.settings")

app = Celery("live")
app.config_from_object("django.conf:settings", namespace="CELERY")


@app.task
def press_later(colour: str) -> None:
    """Press a button when a worker has time."""
    press(colour, "a worker")
