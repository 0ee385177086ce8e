"""`manage.py visitors`: presses at random, until it is stopped."""

import random
import time

from django.core.management.base import BaseCommand

from live.presses import COLOURS, press


class Command(BaseCommand):
    help = "Press a button every second."

    def handle(self, **_):
        while True:
            press(random.choice(list(COLOURS)), "a visitor")
            time.sleep(1)
