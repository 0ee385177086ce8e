"""The hard cases of pacing, one channel each: callbacks that run when a Pipe has an update."""

import time

from dash import (
    ALL,
    MATCH,
    Dash,
    Input,
    Output,
    Patch,
    State,
    callback,
    clientside_callback,
    ctx,
    dcc,
    html,
)

from dash_pipe import Pipe
from gates import Gates
from recorder import Recorder

app = Dash(__name__)
server = app.server
recorder = Recorder(server)
gates = Gates(server)

WORK = 0.05  # seconds of work of a callback, many times the interval of messages


class OnPurposeError(Exception):
    """The error that a callback here raises."""


def pipe(channel, id_=None, **props):
    return Pipe(id=id_ or f"{channel}-pipe", channel_name=channel, **props)


def values(messages):
    return [message["value"] for message in messages]


# Two Pipes on one callback that accumulates.

two = [pipe("two", "left", label="left"), pipe("two", "right", label="right"), dcc.Store(id="two")]


@callback(
    Output("two", "data"),
    Input("left", "n_messages"),
    Input("right", "n_messages"),
    State("left", "messages"),
    State("right", "messages"),
    State("two", "data"),
    prevent_initial_call=True,
)
def add_both(_left, _right, left, right, data):
    # Both may have new messages, or one: the other still has its earlier ones.
    came = {"left.n_messages": left, "right.n_messages": right}
    messages = [one for name in came if name in ctx.triggered_prop_ids for one in came[name]]
    recorder.record("two", messages)
    time.sleep(WORK)
    return (data or []) + values(messages)


# A button and a Pipe on one callback.

click = [html.Button("click", id="click"), pipe("click"), dcc.Store(id="clicks")]


@callback(
    Output("clicks", "data"),
    Input("click", "n_clicks"),
    Input("click-pipe", "n_messages"),
    State("click-pipe", "messages"),
    State("clicks", "data"),
    prevent_initial_call=True,
)
def count_clicks(n_clicks, _n_messages, messages, data):
    # Dash merges a click and an update within one turn of the page: a call may have both.
    triggered = ctx.triggered_prop_ids
    recorder.record("click", messages if "click-pipe.n_messages" in triggered else [])
    time.sleep(WORK)
    return (data or []) + ([n_clicks] if "click.n_clicks" in triggered else [])


# The initial call of the callback, then Patches of what it returned.

initial = [pipe("initial"), dcc.Store(id="initial")]


@callback(
    Output("initial", "data"),
    Input("initial-pipe", "n_messages"),
    State("initial-pipe", "messages"),
)
def begin_and_append(_, messages):
    recorder.record("initial", messages)
    if not messages:
        gates.wait("initial")
        return ["begun"]
    patch = Patch()
    patch.extend(values(messages))
    time.sleep(WORK)
    return patch


# A Pipe fills a Store, which is the Input of a slow callback.

chain = [pipe("chain"), dcc.Store(id="chain-link"), dcc.Store(id="chain")]


@callback(
    Output("chain-link", "data"),
    Input("chain-pipe", "n_messages"),
    State("chain-pipe", "messages"),
    prevent_initial_call=True,
)
def first_of_chain(_, messages):
    recorder.record("chain", messages)
    return values(messages)


@callback(
    Output("chain", "data"),
    Input("chain-link", "data"),
    State("chain", "data"),
    prevent_initial_call=True,
)
def last_of_chain(link, data):
    time.sleep(WORK)
    return (data or []) + link


# A clientside callback that returns a promise, which the test resolves.

promise = [pipe("promise"), dcc.Store(id="promise")]

clientside_callback(
    """async (n_messages, messages, data) => {
        const {triggered_id} = dash_clientside.callback_context;
        const came = messages.map(({value}) => value);
        (window.heard ??= []).push([triggered_id, came]);
        await window.promised;
        return [...(data ?? []), ...came];
    }""",
    Output("promise", "data"),
    Input("promise-pipe", "n_messages"),
    State("promise-pipe", "messages"),
    State("promise", "data"),
    prevent_initial_call=True,
)


# A callback that raises.

raising = [pipe("raise"), dcc.Store(id="raise")]


@callback(
    Output("raise", "data"),
    Input("raise-pipe", "n_messages"),
    State("raise-pipe", "messages"),
    State("raise", "data"),
    prevent_initial_call=True,
)
def raise_(_, messages, data):
    recorder.record("raise", messages)
    gates.wait("raise")
    if "raise" in values(messages):
        raise OnPurposeError
    return (data or []) + values(messages)


# An output that is removed while its callback runs, and another callback of the same Pipe.

unmount = [
    pipe("unmount"),
    html.Button("remove", id="remove"),
    html.Div(html.Div(id="removed"), id="holder"),
    dcc.Store(id="stays"),
]


@callback(
    Output("removed", "children"),
    Input("unmount-pipe", "n_messages"),
    State("unmount-pipe", "messages"),
    prevent_initial_call=True,
)
def show_where_it_goes(_, messages):
    recorder.record("goes", messages)
    gates.wait("goes")
    return str(values(messages))


@callback(
    Output("stays", "data"),
    Input("unmount-pipe", "n_messages"),
    State("unmount-pipe", "messages"),
    State("stays", "data"),
    prevent_initial_call=True,
)
def show_where_it_stays(_, messages, data):
    recorder.record("stays", messages)
    return (data or []) + values(messages)


@callback(Output("holder", "children"), Input("remove", "n_clicks"), prevent_initial_call=True)
def remove(_):
    return "gone"


# A Pipe that is only State.

state = [pipe("state"), html.Button("look", id="look"), dcc.Store(id="state")]


@callback(
    Output("state", "data"),
    Input("look", "n_clicks"),
    State("state-pipe", "messages"),
    State("state-pipe", "n_messages"),
    prevent_initial_call=True,
)
def look(_, messages, n_messages):
    recorder.record("state", messages, n_messages)
    gates.wait("state")
    return values(messages)


# Dict ids: MATCH accumulates for each, ALL for all of them together.

ROOMS = ("attic", "cellar")
rooms = [
    *[pipe("rooms", {"type": "pipe", "room": room}, label=room) for room in ROOMS],
    *[dcc.Store(id={"type": "store", "room": room}) for room in ROOMS],
    dcc.Store(id="house"),
]


@callback(
    Output({"type": "store", "room": MATCH}, "data"),
    Input({"type": "pipe", "room": MATCH}, "n_messages"),
    State({"type": "pipe", "room": MATCH}, "messages"),
    State({"type": "store", "room": MATCH}, "data"),
    prevent_initial_call=True,
)
def add_to_room(_, messages, data):
    recorder.record("room", messages)
    time.sleep(WORK)
    return (data or []) + values(messages)


@callback(
    Output("house", "data"),
    Input({"type": "pipe", "room": ALL}, "n_messages"),
    State({"type": "pipe", "room": ALL}, "messages"),
    State("house", "data"),
    prevent_initial_call=True,
)
def add_to_house(_, lists, data):
    triggered = [id_["room"] for id_ in ctx.triggered_prop_ids.values()]
    messages = [
        one for room, came in zip(ROOMS, lists, strict=True) if room in triggered for one in came
    ]
    recorder.record("house", messages)
    time.sleep(WORK)
    return (data or []) + values(messages)


# A buffer that is too small, and the signals of it.

buffer = [pipe("buffer", buffer_size=10), dcc.Store(id="buffer"), html.Div(id="buffer-gap")]


@callback(
    Output("buffer", "data"),
    Input("buffer-pipe", "n_messages"),
    State("buffer-pipe", "messages"),
    State("buffer", "data"),
    prevent_initial_call=True,
)
def add_to_buffer(n_messages, messages, data):
    recorder.record("buffer", messages, n_messages)
    gates.wait("buffer")
    return (data or []) + values(messages)


@callback(
    Input("buffer-pipe", "n_gaps"), State("buffer-pipe", "last_gap"), prevent_initial_call=True
)
def tell_gap(n_gaps, last_gap):
    recorder.record("gap", n_gaps=n_gaps, last_gap=last_gap)


# `status` as an Input of a slow callback.

status = [pipe("status"), dcc.Store(id="status")]


@callback(
    Output("status", "data"),
    Input("status-pipe", "status"),
    State("status", "data"),
    prevent_initial_call=True,
)
def tell_status(status_, data):
    recorder.record("status", status=status_)
    gates.wait("status")
    return [*(data or []), status_]


app.layout = html.Div(
    [*two, *click, *initial, *chain, *promise, *raising, *unmount, *state, *rooms, *buffer, *status]
)
