"""Django and the Dash apps without the websocket: `gunicorn live.wsgi`. See asgi.py for that."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "live.settings")

from django.core.wsgi import get_wsgi_application

django = get_wsgi_application()  # first: it sets Django up

from .pages import server


def application(environ, start_response):
    """Have Flask serve the Dash apps' paths, and Django the others."""
    is_dash = environ["PATH_INFO"].startswith(("/buttons/", "/plot/"))
    return (server.wsgi_app if is_dash else django)(environ, start_response)
