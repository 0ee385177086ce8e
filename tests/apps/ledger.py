"""Pipes whose messages are written down in the page, which outlives the server."""

from dash import Dash, Input, State, clientside_callback, html

from dash_pipe import Pipe

app = Dash(__name__)
server = app.server

LABELS = ("a", "chatty", "quiet")

app.layout = html.Div([Pipe(id=label, channel_name="jobs", label=label) for label in LABELS])

for label in LABELS:
    clientside_callback(
        f"""(n_messages, messages) => {{
            const ledger = window.ledger ??= {{}};
            (ledger.{label} ??= []).push(...messages.map(({{value}}) => value));
        }}""",
        Input(label, "n_messages"),
        State(label, "messages"),
        prevent_initial_call=True,
    )
