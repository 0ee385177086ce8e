"""Django and the Dash apps without the websocket: `gunicorn live.wsgi`. See asgi.py for that."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "live.settings")

from django.core.wsgi import get_wsgi_application

django = get_wsgi_application()  # first: it sets Django up

from dash_pipe.django.protected_wsgi import ProtectedWsgi

from .pages import server

DASH = {
    "/buttons/": ProtectedWsgi(server),
    "/plot/": ProtectedWsgi(server, login_required=False),
}


def application(environ, start_response):
    """Pass the Dash apps' paths to Flask, and the others to Django."""
    for path, dash in DASH.items():
        if environ["PATH_INFO"].startswith(path):
            return dash(environ, start_response)
    return django(environ, start_response)
