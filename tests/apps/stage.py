"""A page without a Pipe, and callbacks for the Pipes that tests/harness/stage.py mounts on it."""

import clock  # before dash_pipe, which reads it at import

# isort: split

from dash import MATCH, Dash, Input, State, callback, ctx, html

from gates import Gates
from recorder import Recorder

app = Dash(__name__)
server = app.server
recorder = Recorder(server)
gates = Gates(server)
clock.install(server)

app.layout = html.Div([html.Div(id=f"slot-{slot}") for slot in "abc"])


def pipe(prop):
    return {"type": "pipe", "slot": MATCH}, prop


@callback(Input(*pipe("n_messages")), State(*pipe("messages")), prevent_initial_call=True)
def hear(n_messages, messages):
    slot = ctx.triggered_id["slot"]
    recorder.record(slot, messages, n_messages)
    gates.wait(slot)


@callback(Input(*pipe("n_gaps")), State(*pipe("last_gap")), prevent_initial_call=True)
def count_gap(n_gaps, last_gap):
    recorder.record(f"gap {ctx.triggered_id['slot']}", n_gaps=n_gaps, last_gap=last_gap)


@callback(Input(*pipe("status")), prevent_initial_call=True)
def tell_status(status):
    recorder.record(f"status {ctx.triggered_id['slot']}", status=status)
