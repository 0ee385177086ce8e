"""An app that does not say who may listen, the first time that it is asked."""

import threading
from itertools import count

from dash import Dash, html

import dash_pipe
from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)
asked = count(1)


def authorize(request, channel, labels):
    if next(asked) == 1:
        threading.Event().wait(60)
    return True


dash_pipe.configure(authorize=authorize, authorize_timeout=0.3)

app.layout = html.Div([Pipe(id="pipe", channel_name="hesitant")])
