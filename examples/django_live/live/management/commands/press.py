"""`manage.py press red`: a press from a process that serves no browser."""

from django.core.management.base import BaseCommand

from live.presses import COLOURS, press


class Command(BaseCommand):
    help = "Press a button."

    def add_arguments(self, parser):
        parser.add_argument("colour", choices=COLOURS)

    def handle(self, *, colour, **_):
        press(colour)
