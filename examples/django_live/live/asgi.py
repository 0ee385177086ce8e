"""One ASGI process for all: Django, the Dash apps, the websocket. `daphne live.asgi:application`.

The Dash apps are on Flask, so a2wsgi serves them in threads. (asgiref's WsgiToAsgi fails on
uvicorn: some requests on a shared connection end in `CurrentThreadExecutor already quit`.)
Django's middleware does not run there, so `Protected` checks host, https and login.
If wsgi.py serves Django and the Dash apps, this file serves only the websocket.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "live.settings")

from a2wsgi import WSGIMiddleware
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.urls import re_path

django = get_asgi_application()  # first: it sets Django up

from dash_pipe.django import routing
from dash_pipe.django.protected import Protected

from .pages import server

dash = WSGIMiddleware(server)
application = ProtocolTypeRouter(
    {
        "http": URLRouter(
            [
                *routing.urlpatterns,
                re_path("^buttons/", Protected(dash)),
                re_path("^plot/", Protected(dash, login_required=False)),
                re_path("", ASGIStaticFilesHandler(django) if settings.DEBUG else django),
            ]
        ),
        "websocket": URLRouter(routing.websocket_urlpatterns),
    }
)
