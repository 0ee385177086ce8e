"""The views: log in, log out, block, send; and the function that decides who may listen."""

import time

from django.contrib.auth import login, logout
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import path

import dash_pipe

SECONDS = 1.5  # that a permission for the channel `short` lasts after its first question

began = {}


def authorize(scope, channel, labels):
    user = scope["user"]
    if not user.is_authenticated:
        return False
    if channel == "short":
        return dash_pipe.allow(until=began.setdefault(user.pk, time.time() + SECONDS), user=user.pk)
    return dash_pipe.allow(user=user.pk)


def log_in(request, name):
    login(request, User.objects.get_or_create(username=name)[0])
    return HttpResponse("ok")


def log_out(request):
    key = request.user.pk
    logout(request)
    dash_pipe.revoke(user=key)
    return HttpResponse("ok")


def block(request, name):
    user = User.objects.get(username=name)
    user.is_active = False  # Django's backend takes such a user for nobody
    user.save()
    dash_pipe.revoke(user=user.pk)
    return HttpResponse("ok")


def send(request, channel, value):
    dash_pipe.send_to_pipe_channel(channel, "a", value)
    return HttpResponse("ok")


urlpatterns = [
    path("login/<name>", log_in),
    path("logout", log_out),
    path("block/<name>", block),
    path("send/<channel>/<value>", send),
]
