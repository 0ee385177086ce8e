"""`manage.py demo_user`: make the user demo with the password demo."""

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Make the user demo, with the password demo."

    def handle(self, **_):
        user, _ = get_user_model().objects.get_or_create(username="demo")
        user.set_password("demo")
        user.save()
