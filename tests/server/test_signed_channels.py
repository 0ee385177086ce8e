"""Protected channels on real servers, with tokens that another process has signed."""

import json
import time
import urllib.error
import urllib.request

import pytest

import dash_pipe
from dash_pipe import sign_channel
from dash_pipe.errors import ListenDeniedError
from harness.app import App
from harness.server import Server
from harness.ws import PipeClient

HOSTS = ["werkzeug", "werkzeug-threads", "gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent"]
HOSTS += ["gunicorn-two", "uvicorn", "hypercorn", "django-uvicorn"]
KEY, NEXT = "a key of two processes", "the next key of two processes"
BOUND = 2.5  # seconds after its end in which a token has ended everywhere


@pytest.fixture(autouse=True)
def _keys():
    dash_pipe.configure(token_keys=KEY)


def serve(host, log, keys):
    """Return a server of the app on a framework, whose tokens have these keys."""
    module = "signed_site" if host.startswith("django") else "signed"
    return Server(host, module, log, settings={"DASH_PIPE_TOKEN_KEYS": keys})


@pytest.fixture(params=HOSTS)
def server(request, tmp_path):
    with serve(request.param, tmp_path / "log", KEY) as server:
        yield server
    assert server.tracebacks() == []


def poll(server, token):
    frame = {"type": "subscribe", "channel": "user-7", "labels": None}
    frame |= {"token": token} if token else {}
    data = json.dumps([frame]).encode()
    with urllib.request.urlopen(f"{server.url}/_pipe/poll", data, timeout=30) as answer:
        return json.loads(answer.read())[0]["type"]


def fetch(server, token):
    data = json.dumps({"channel": "user-7", "token": token}).encode()
    try:
        with urllib.request.urlopen(f"{server.url}/_pipe/token", data, timeout=30) as answer:
            return json.loads(answer.read())["token"]
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def is_allowed(server, token, labels=None):
    with PipeClient(f"{server.url}/") as page:
        try:
            page.subscribe("user-7", labels, token=token)
        except ListenDeniedError:
            return False
        return True


def test_token_of_another_process_opens_its_channel(server):
    token, of_labels = sign_channel("user-7"), sign_channel("user-7", labels="a")
    assert [is_allowed(server, each) for each in (token, None, "x", sign_channel("user-8"))] == [
        *(True, False, False, False)
    ]
    assert [is_allowed(server, of_labels, labels) for labels in (["a"], ["b"], None)] == [
        *(True, False, False)
    ]
    assert [poll(server, each) for each in (token, None)] == ["subscribed", "error"]
    assert fetch(server, token) == 403
    fresh = fetch(server, sign_channel("user-7", max_age=60, refresh_for=3600))
    assert is_allowed(server, fresh)


def test_open_subscription_ends_with_its_token_and_a_fresh_one_continues(server):
    if server.host == "gunicorn-two":
        pytest.skip("each worker keeps its messages in its own memory")
    app = App(server.url)
    with PipeClient(f"{server.url}/") as page:
        signed_at = time.monotonic()
        page.subscribe("user-7", token=sign_channel("user-7", max_age=2))
        app.send(("user-7", "a", "before"))
        assert [row[2] for row in page.rows(1)] == ["before"]
        with pytest.raises(ListenDeniedError):
            page.rows(1)
        assert 1.9 <= time.monotonic() - signed_at <= 2 + BOUND
        app.send(("user-7", "a", "after"))
        assert page.position.offset == 1
        page.subscribe("user-7", token=sign_channel("user-7"), since=page.position)
        assert [row[2] for row in page.rows(1)] == ["after"]


@pytest.mark.parametrize("host", ["gunicorn-sync", "uvicorn", "hypercorn", "django-uvicorn"])
def test_token_of_an_older_key_is_valid_until_the_key_is_removed(host, tmp_path):
    old = sign_channel("user-7")
    dash_pipe.configure(token_keys=NEXT)
    new = sign_channel("user-7")
    found = []
    for keys in (KEY, f"{NEXT},{KEY}", NEXT):
        with serve(host, tmp_path / keys, keys) as server:
            found.append([is_allowed(server, each) for each in (old, new)])
    assert found == [[True, False], [True, True], [False, True]]
