"""A clientside callback that writes what comes into the page, as fast as it comes."""

from dash import Dash, Input, clientside_callback, html

from dash_pipe import Pipe
from recorder import Recorder

app = Dash(__name__)
server = app.server
recorder = Recorder(server)

app.layout = html.Div([Pipe(id="pipe", channel_name="ticks"), html.Div("-", id="drawn")])

clientside_callback(
    """(messages) => {
        for (const {value: [number]} of messages) {
            window.unexpected = (window.unexpected ?? 0) + (number !== (window.newest ?? -1) + 1);
            window.newest = number;
        }
        document.getElementById("drawn").textContent = window.newest;
    }""",
    Input("pipe", "messages"),  # Dash's record for its undo button would keep every one of them
    prevent_initial_call=True,
)
