"""A project of django-plotly-dash as in its docs, with its consumer or our endpoint."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent
OURS = os.environ.get("ENDPOINT") == "ours"
REDIS_URL = os.environ["REDIS_URL"]

DEBUG = True
SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.sites",
    "channels",
    "django_plotly_dash.apps.DjangoPlotlyDashConfig",
    *(["dash_pipe.django"] if OURS else []),
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_plotly_dash.middleware.BaseMiddleware",
    "django_plotly_dash.middleware.ExternalRedirectionMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
            ]
        },
    }
]
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["SITE_DATABASE"]}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "dpd_site.urls"
X_FRAME_OPTIONS = "SAMEORIGIN"
STATIC_URL = "/static/"
STATICFILES_DIRS = [HERE / "static"]  # with the script that is missing in the wheel
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "django_plotly_dash.finders.DashAssetFinder",
    "django_plotly_dash.finders.DashComponentFinder",
]
PLOTLY_COMPONENTS = ["dash_pipe", "dpd_components"]
PLOTLY_DASH = {"ws_route": "dpd/ws/channel", "http_route": "dpd/views", "http_poke_enabled": True}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL]},
    }
}
DASH_PIPE = {"broker": "channels://default"}
SITE_ID = 1
USE_TZ = True
