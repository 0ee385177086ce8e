"""Pages with apps in frames or in the page itself; the tag comes before or after them."""

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import include, path

from . import pages  # noqa: F401 - registers the apps


def show(request, how, order):
    apps = request.GET["apps"].split(",")
    tag = f"{request.GET.get('tag', 'theirs')}.html"
    return render(request, "page.html", {"how": how, "order": order, "apps": apps, "tag": tag})


def send(request, sender):
    """Send with the function of django-plotly-dash, or ours."""
    from django_plotly_dash.consumers import send_to_pipe_channel as theirs

    from dash_pipe import send_to_pipe_channel as ours

    value = request.GET["value"]
    {"ours": ours, "theirs": theirs}[sender](channel_name="jobs", label="progress", value=value)
    return HttpResponse("sent")


urlpatterns = [
    path("page/<how>/<order>/", show),
    path("send/<sender>/", send),
    path("django_plotly_dash/", include("django_plotly_dash.urls")),
]
