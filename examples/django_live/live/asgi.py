"""One ASGI process for all: Django, the Dash apps, the websocket. `daphne live.asgi:application`.

Where Django and the Dash apps are served by wsgi.py, the same file serves the websocket alone.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "live.settings")

from asgiref.wsgi import WsgiToAsgi
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.urls import re_path

django = get_asgi_application()  # first: it sets Django up

from dash_pipe.django import routing

from .pages import server

application = ProtocolTypeRouter(
    {
        "http": URLRouter(
            [
                *routing.urlpatterns,
                re_path("^(buttons|plot)/", WsgiToAsgi(server)),
                re_path("", ASGIStaticFilesHandler(django) if settings.DEBUG else django),
            ]
        ),
        "websocket": URLRouter(routing.websocket_urlpatterns),
    }
)
