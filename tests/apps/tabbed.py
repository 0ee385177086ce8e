"""Two tabs whose content a callback returns; a Pipe in the first, and one beside the tabs."""

from dash import Dash, Input, Output, State, callback, html

from dash_pipe import Pipe
from recorder import OPTIONS, Recorder

app = Dash(__name__, **OPTIONS, suppress_callback_exceptions=True)
server = app.server
recorder = Recorder(server)

app.layout = html.Div(
    [
        Pipe(id="always", channel_name="tabs", label="any"),
        html.Div(id="all"),
        html.Button("news", id="to-news"),
        html.Button("empty", id="to-empty"),
        html.Div(id="content"),
    ]
)


@callback(Output("content", "children"), Input("to-news", "n_clicks"), prevent_initial_call=True)
def show_news(n_clicks):
    return [Pipe(id="pipe", channel_name="tabs", label=["any", "some"]), html.Div(id="value")]


@callback(
    Output("content", "children", allow_duplicate=True),
    Input("to-empty", "n_clicks"),
    prevent_initial_call=True,
)
def show_empty(n_clicks):
    return html.Div(id="empty")


@callback(Output("value", "children"), Input("pipe", "value"), State("pipe", "messages"))
def show(value, messages):
    if messages:
        recorder.record("show", messages, value=value)
    return str(value)


@callback(Output("all", "children"), Input("always", "value"), State("always", "messages"))
def show_all(value, messages):
    if messages:
        recorder.record("all", messages, value=value)
    return str(value)
