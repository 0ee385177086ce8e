"""docs/django.md, typed word by word; see test_typed_docs.py."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.browser import Browser, unexpected
from harness.typed import Command, File, steps
from harness.typist import Typist
from harness.wait import wait_for

pytestmark = pytest.mark.timeout(400)  # it installs what a user does


@pytest.fixture
def browser(tmp_path):
    browser = Browser(tmp_path / "profile")
    yield browser
    browser.quit()


def text(browser):
    return browser.find("#text").text


def test_django_from_nothing_ends_with_a_page_that_moves(wheel, tmp_path, browser):
    with Typist(tmp_path, wheel) as typist, ThreadPoolExecutor() as another_terminal:
        typist.type(steps("docs/django.md", "From nothing"))
        browser.driver.get(f"{typist.url(8000)}/live/")
        browser.find("#id_username").send_keys("demo")
        browser.find("#id_password").send_keys("demo")
        browser.find("[type=submit]").click()
        browser.wait_open()
        assert text(browser) == "No job yet."
        running = another_terminal.submit(typist.run, "python crunch.py")
        wait_for(lambda: re.match(r"\d\d % are done, demo\.$", text(browser)), "a bar that moves")
        assert not running.done()
        browser.wait_for_text("text", "100 % are done, demo.")
        running.result()
        assert unexpected(browser.console(), ("favicon.ico",)) == []


DPD_SETTINGS = """
INSTALLED_APPS = [
    "daphne",
    *INSTALLED_APPS,
    "channels",
    "django_plotly_dash.apps.DjangoPlotlyDashConfig",
]
MIDDLEWARE += [
    "django_plotly_dash.middleware.BaseMiddleware",
    "django_plotly_dash.middleware.ExternalRedirectionMiddleware",
]
TEMPLATES[0]["DIRS"] = [BASE_DIR]
STATIC_ROOT = BASE_DIR / "collected"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.FileSystemFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "django_plotly_dash.finders.DashAssetFinder",
    "django_plotly_dash.finders.DashComponentFinder",
]
PLOTLY_COMPONENTS = ["dpd_components"]
ASGI_APPLICATION = "mysite.asgi.application"
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.core.RedisChannelLayer",
        "CONFIG": {"hosts": ["redis://127.0.0.1:6379/0"]},
    }
}
"""
DPD_URLS = """
import dash_pipe
from dash import Input, Output, html
from django.shortcuts import render
from django.urls import include, path
from django_plotly_dash import DjangoDash

live = DjangoDash("Live", serve_locally=True)
pipe = dash_pipe.Pipe(id="pipe", channel_name="jobs", label="progress")
live.layout = html.Div([pipe, html.P(id="heard")])

@live.callback(Output("heard", "children"), [Input("pipe", "value")])
def show(value):
    return f"heard {value}"

urlpatterns = [
    path("", lambda request: render(request, "page.html")),
    path("django_plotly_dash/", include("django_plotly_dash.urls")),
]
"""
DPD_PAGE = """
{% load plotly_dash %}<!doctype html>
<html>
  <head><title>Live</title><link rel="icon" href="data:,">{% plotly_header %}</head>
  <body>{% plotly_direct name="Live" %}{% plotly_footer %}</body>
</html>
"""
SENDERS = ("django_plotly_dash.consumers", "dash_pipe.django")


def send(typist, sender, value):
    message = f"channel_name='jobs', label='progress', value={value!r}"
    line = f"from {sender} import send_to_pipe_channel as send; send({message})"
    typist.run(f'python manage.py shell -c "{line}"')


def test_django_plotly_dash_project_hears_both_senders(wheel, tmp_path, browser):
    """The steps of the docs in a project of django-plotly-dash, whose page needs no tag then."""
    with Typist(tmp_path, wheel, "dpd") as typist:
        typist.run("pip install django-plotly-dash channels-redis daphne dash")
        typist.run("django-admin startproject mysite .")
        project = [
            File("mysite/settings.py", DPD_SETTINGS, "end"),
            File("mysite/urls.py", DPD_URLS.lstrip()),
            File("page.html", DPD_PAGE.lstrip()),
        ]
        typed = steps("docs/django.md", "From django-plotly-dash")
        lines = ("redis-server", "python manage.py migrate", "python manage.py runserver")
        server = [Command(line) for line in lines]
        typist.type([*project, *typed, *server])
        assert [*typist.folder.glob("collected/dash/component/dash_pipe/dash_pipe.min.js")]
        browser.driver.get(f"{typist.url(8000)}/")
        browser.wait_open()
        for number, sender in enumerate(SENDERS):
            send(typist, sender, f"message {number}")
            browser.wait_for_text("heard", f"heard message {number}")
