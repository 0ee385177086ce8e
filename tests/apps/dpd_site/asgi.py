"""The ASGI app of the project, with the routes of django-plotly-dash or ours."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dpd_site.settings")

from django.conf import settings
from django.core.asgi import get_asgi_application

get_asgi_application()

if settings.OURS:
    from dash_pipe.django.routing import application as routes
else:
    from django_plotly_dash.routing import application as routes

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler


async def application(scope, receive, send):
    """Serve it and static files, like `runserver`."""
    files = ASGIStaticFilesHandler(routes)
    is_file = scope["type"] == "http" and scope["path"].startswith("/static/")
    await (files if is_file else routes)(scope, receive, send)
