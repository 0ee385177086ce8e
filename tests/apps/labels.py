"""Pipes that share channels and labels, with one callback each."""

from dash import Dash, Input, State, callback, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

LISTENERS = {
    "one-a": {"channel_name": "one", "label": "a"},
    "one-b": {"channel_name": "one", "label": "b"},
    "one-ab": {"channel_name": "one", "label": ["a", "b"]},
    "one-any": {"channel_name": "one"},
    "two-a": {"channel_name": "two", "label": "a"},
}

app.layout = html.Div([Pipe(id=id_, **props) for id_, props in LISTENERS.items()])


def listen(id_):
    @callback(Input(id_, "n_messages"), State(id_, "messages"), prevent_initial_call=True)
    def heard(n_messages, messages):
        recorder.record(id_, messages, n_messages)


for id_ in LISTENERS:
    listen(id_)
