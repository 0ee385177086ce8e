"""Django and the endpoint; the database is made first."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "members_site.settings"

from dash_pipe.django.routing import application  # sets Django up

__all__ = ["application"]

from django.core.management import call_command

call_command("migrate", verbosity=0)
