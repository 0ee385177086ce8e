"""An app with logins, a list of blocked users and permissions that end, on each backend of Dash.

The session is that of the framework, in a cookie. Flask looks the user up once in an application
context, as Flask-Login does it. The blocked users are files in the directory MEMBERS, which all
processes share.
"""

import os
import time
from pathlib import Path

from dash import Dash, html

import dash_pipe
from dash_pipe import Pipe

BACKEND = os.environ["BACKEND"]
SECONDS = 1.5  # that a permission for the channel `short` lasts after its first question

began = {}


def blocked(name):
    return Path(os.environ["MEMBERS"], f"blocked-{name}")


def permission(name, channel):
    if name is None or blocked(name).exists():
        return False
    if channel == "short":
        until = began.setdefault(name, time.time() + SECONDS)
        return dash_pipe.allow(until=until, user=name)
    return dash_pipe.allow(user=name)


def block(name):
    blocked(name).touch()
    dash_pipe.revoke(user=name)


def send(channel, value):
    dash_pipe.send_to_pipe_channel(channel, "a", value)


if BACKEND == "flask":
    from flask import Flask, g, session

    server = Flask(__name__)
    server.secret_key = "only for tests"
    app = Dash(__name__, server=server)

    def authorize(_request, channel, _labels):
        if "name" not in g:
            g.name = session.get("name")
        return permission(g.name, channel)

    def login(name):
        session["name"] = name

    def logout():
        dash_pipe.disconnect(user=session.pop("name"))

    def view(function):
        def answer(**values):
            function(**values)
            return "ok"

        answer.__name__ = function.__name__
        return answer

    def route(rule, function):
        server.post(rule)(view(function))

    for rule, function in (
        ("/login/<name>", login),
        ("/logout", logout),
        ("/block/<name>", block),
        ("/send/<channel>/<value>", send),
    ):
        route(rule, function)

elif BACKEND == "quart":
    from quart import session

    app = Dash(__name__, backend="quart")
    server = app.server
    server.secret_key = "only for tests"

    async def authorize(_request, channel, _labels):
        return permission(session.get("name"), channel)

    @server.post("/login/<name>")
    async def login(name):
        session["name"] = name
        return "ok"

    @server.post("/logout")
    async def logout():
        dash_pipe.disconnect(user=session.pop("name"))
        return "ok"

    @server.post("/block/<name>")
    async def block_user(name):
        block(name)
        return "ok"

    @server.post("/send/<channel>/<value>")
    async def send_value(channel, value):
        send(channel, value)
        return "ok"

else:
    from fastapi import FastAPI, Request
    from starlette.middleware.sessions import SessionMiddleware

    server = FastAPI()
    server.add_middleware(SessionMiddleware, secret_key="only for tests")

    def authorize(request, channel, _labels):
        return permission(request.session.get("name"), channel)

    @server.post("/login/{name}")
    def login(name: str, request: Request):
        request.session["name"] = name

    @server.post("/logout")
    def logout(request: Request):
        dash_pipe.disconnect(user=request.session.pop("name"))

    @server.post("/block/{name}")
    def block_user(name: str):
        block(name)

    @server.post("/send/{channel}/{value}")
    def send_value(channel: str, value: str):
        send(channel, value)

    app = Dash(__name__, server=server)

dash_pipe.configure(authorize=authorize)
app.layout = html.Div(Pipe(id="pipe", channel_name="public"))
