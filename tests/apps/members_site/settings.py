"""A Django project with logins, its sessions and users in a database."""

import os
from pathlib import Path

SECRET_KEY = "only for tests"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "dash_pipe.django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "members_site.urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["MEMBERS"], "db.sqlite3"),
    }
}
DASH_PIPE = {"authorize": "members_site.urls:authorize", "url": "/_pipe/", "ws_route": "_pipe"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
