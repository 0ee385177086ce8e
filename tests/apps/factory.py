"""An app made without a server; it gets a Flask server later."""

from dash import Dash, Input, Output, State, html
from flask import Flask

from dash_pipe import Pipe
from recorder import Recorder

recorder = Recorder()
app = Dash(__name__, server=False)
app.layout = html.Div([Pipe(id="pipe", channel_name="late"), html.Div(id="value")])


@app.callback(
    Output("value", "children"),
    Input("pipe", "value"),
    State("pipe", "messages"),
    prevent_initial_call=True,
)
def show(value, messages):
    recorder.record("show", messages, value=value)
    return str(value)


def create_server():
    server = Flask(__name__)
    app.init_app(server)
    recorder.install(server)
    return server


server = create_server()
