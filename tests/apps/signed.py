"""An app with a protected channel, whose Pipe gets other tokens by buttons."""

from dash import Dash, Input, Output, State, callback, ctx, html

import dash_pipe
from dash_pipe import Pipe, sign_channel
from recorder import BACKEND, OPTIONS, Recorder

app = Dash(__name__, **OPTIONS)
server = app.server
recorder = Recorder(server)
if BACKEND != "fastapi":  # which has no key of its own
    server.secret_key = "a key of the app"

dash_pipe.configure(protected_channels=["user-*"], authorize=lambda *_: True)

CHANNEL = "user-7"
TOKENS = {
    "ending": {"max_age": 1},
    "fresh": {},
    "refreshed": {"max_age": 4, "refresh_for": 3600},
}


def layout():
    buttons = [html.Button(name, id=name) for name in TOKENS]
    return html.Div([Pipe(id="pipe", channel_name=CHANNEL, token=sign_channel(CHANNEL)), *buttons])


app.layout = layout


@callback(
    Output("pipe", "token"), [Input(name, "n_clicks") for name in TOKENS], prevent_initial_call=True
)
def set_token(*_):
    return sign_channel(CHANNEL, **TOKENS[ctx.triggered_id])


@callback(Input("pipe", "n_messages"), State("pipe", "messages"), prevent_initial_call=True)
def hear(n_messages, messages):
    recorder.record("hear", messages, n_messages)
