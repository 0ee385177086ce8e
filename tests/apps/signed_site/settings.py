"""A Django project with a protected channel."""

SECRET_KEY = "a key of the project"
ALLOWED_HOSTS = ["127.0.0.1"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "dash_pipe.django",
]
ROOT_URLCONF = "signed_site.urls"
DASH_PIPE = {
    "authorize": "signed_site.urls:authorize",
    "protected_channels": ["user-*"],
    "url": "/_pipe/",
    "ws_route": "_pipe",
}
USE_TZ = True
