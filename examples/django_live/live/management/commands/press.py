"""`manage.py press red`: a press from a process that serves no browser.

With `--later` a Celery worker presses, which is yet another process.
"""

from django.core.management.base import BaseCommand

from live.presses import COLOURS, press


class Command(BaseCommand):
    help = "Press a button."

    def add_arguments(self, parser):
        parser.add_argument("colour", choices=COLOURS)
        parser.add_argument("--later", action="store_true", help="let a Celery worker do it")

    def handle(self, *, colour, later, **_):
        if later:
            from live.celery import press_later  # the rest of the example needs no Celery

            press_later.delay(colour)
        else:
            press(colour, "a command")
