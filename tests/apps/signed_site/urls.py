"""The only view sends, as the route of tests/apps/recorder.py does."""

import json

from django.http import JsonResponse
from django.urls import path

import dash_pipe


def authorize(scope, channel, labels):
    return True


def send(request):
    sent = [dash_pipe.send_to_pipe_channel(**each) for each in json.loads(request.body)]
    return JsonResponse(sent, safe=False)


urlpatterns = [path("_test/send", send)]
