"""An app whose `authorize` takes a connection from a small pool, as Flask-SQLAlchemy does.

A connection belongs to the application context, whose teardown gives it back. A user is looked up
once in a context, as Flask-Login does it.
"""

from dash import Dash, html
from flask import g, jsonify, request

from dash_pipe import Pipe

app = Dash(__name__)
server = app.server
app.layout = html.Div(Pipe(id="pipe", channel_name="public"))

POOL = 5
taken = [0]
blocked = set()


def user():
    if "user" not in g:
        if taken[0] == POOL:
            raise TimeoutError("the pool is empty")
        taken[0] += 1
        name = request.cookies.get("name", "nobody")
        g.user = None if name in blocked else name
    return g.user


@server.teardown_appcontext
def give_back(_error):
    taken[0] -= g.pop("user", "none") != "none"


def authorize(_request, channel, labels):
    return user() is not None


async def authorize_async(*asked):
    return authorize(*asked)


@server.get("/taken")
def show():
    return jsonify(taken[0])


@server.post("/block/<name>")
def block(name):
    blocked.add(name)
    return jsonify(name)
