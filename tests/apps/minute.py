"""A clientside callback that writes each message into the page at once."""

from dash import Dash, Input, State, clientside_callback, html

from dash_pipe import Pipe
from recorder import Recorder

app = Dash(__name__)
server = app.server
recorder = Recorder(server)

app.layout = html.Div([Pipe(id="pipe", channel_name="ticks"), html.Div("-", id="drawn")])

clientside_callback(
    """(n_messages, messages) => {
        for (const {value: [number]} of messages) {
            window.unexpected = (window.unexpected ?? 0) + (number !== (window.newest ?? -1) + 1);
            window.newest = number;
        }
        document.getElementById("drawn").textContent = window.newest;
    }""",
    Input("pipe", "n_messages"),
    State("pipe", "messages"),
    prevent_initial_call=True,
)
