"""A Django project for tests that need no server: its settings, in this process."""

import django
from django.conf import settings

from dash_pipe import runtime


def configure() -> None:
    """Set Django up once; a test may override the settings."""
    if settings.configured:
        return
    settings.configure(
        INSTALLED_APPS=[
            "django.contrib.contenttypes",
            "django.contrib.auth",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "dash_pipe.django",
        ],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
        CHANNEL_LAYERS={},
        ROOT_URLCONF=(),
        SECRET_KEY="only for tests",
        STATIC_URL="/static/",
        USE_TZ=True,
    )
    django.setup()
    runtime.current().adopt({})  # this process is more than the project: a test adopts it
