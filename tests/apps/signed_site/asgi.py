"""Django and the endpoint."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "signed_site.settings"

from dash_pipe.django.routing import application

__all__ = ["application"]
