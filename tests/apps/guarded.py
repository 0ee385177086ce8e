"""An app whose `authorize` reads the user's name from a cookie."""

from dash import Dash, html

import dash_pipe
from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)


def authorize(request, channel, labels):
    """Read the user from a cookie; `labels` is None for a Pipe that takes every label."""
    name = request.cookies.get("name", "nobody")
    return channel == "public" or (name == "ann" and labels is not None and "hidden" not in labels)


dash_pipe.configure(authorize=authorize)

app.layout = html.Div(
    [
        Pipe(id="public", channel_name="public"),
        Pipe(id="news", channel_name="private", label="news"),
        Pipe(id="hidden", channel_name="private", label="hidden"),
        Pipe(id="all", channel_name="private"),
    ]
)
