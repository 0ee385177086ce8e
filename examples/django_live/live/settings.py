"""A project with SQLite, and Redis both for Django's cache and for dash-pipe."""

import os
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")

DEBUG = os.environ.get("LIVE_DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("LIVE_SECRET_KEY", "for the demo alone")
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "daphne",  # first: so `manage.py runserver` serves ASGI
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "dash_pipe.django",
    "live",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.contrib.auth.context_processors.auth"]},
    }
]
ROOT_URLCONF = "live.urls"
ASGI_APPLICATION = "live.asgi.application"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("LIVE_DATABASE", HERE / "db.sqlite3"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True  # results go to the pages; nobody reads them from Celery
STATIC_URL = "/static/"
STATIC_ROOT = os.environ.get("LIVE_STATIC", HERE / "static")
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
TIME_ZONE = "UTC"  # otherwise Chicago's, in the log too
USE_TZ = True

DASH_PIPE = {
    "broker": REDIS_URL,
    "authorize": "live.access:may_listen",
    "http_poke_enabled": os.environ.get("LIVE_POKE", "0"),
}
if "LIVE_POKE_TOKEN" in os.environ:
    DASH_PIPE["http_poke_token"] = os.environ["LIVE_POKE_TOKEN"]
