"""Pipes with dict ids, in a callback over ALL of them and in one that MATCHes each."""

from dash import ALL, MATCH, Dash, Input, Output, State, callback, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)

ROOMS = ("attic", "cellar")

app.layout = html.Div(
    [
        html.Div(
            [
                Pipe(id={"type": "pipe", "room": room}, channel_name="house", label=room),
                html.Div(id={"type": "value", "room": room}),
            ]
        )
        for room in ROOMS
    ]
)


@callback(
    Output({"type": "value", "room": MATCH}, "children"),
    Input({"type": "pipe", "room": MATCH}, "n_messages"),
    State({"type": "pipe", "room": MATCH}, "value"),
    State({"type": "pipe", "room": MATCH}, "messages"),
    prevent_initial_call=True,
)
def each(n_messages, value, messages):
    recorder.record("each", messages, n_messages, value=value)
    return str(value)


@callback(Input({"type": "pipe", "room": ALL}, "value"), prevent_initial_call=True)
def everyone(values):
    recorder.record("everyone", values=values)
