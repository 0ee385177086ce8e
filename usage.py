"""The demo of dash-pipe: run `python usage.py`, open the address it prints in two browsers.

The server sends four things to every page, one section each: (a) everybody's button presses, (b) a
price, 60 times a second, (c) a burst of 1,000 messages, (d) the state of the connection. Each has
the same two halves: a `Pipe` in the layout, whose messages trigger callbacks, and somewhere in
Python a `send_to_pipe_channel(...)` or a `@source(...)`. No other setup is needed.
"""

import functools
import os
import random
import time

from dash import Dash, Input, Output, State, callback, clientside_callback, dcc, html

from dash_pipe import Pipe, send_to_pipe_channel, source

COLOURS = {"red": "#cf3346", "cyan": "#0b7c98", "green": "#2a8043"}
OTHER = "#7d8896"  # for what else is sent to the channel
BURST = 1000
BACKEND = os.environ.get("BACKEND", "flask")

options = {} if BACKEND == "flask" else {"backend": BACKEND}  # an argument of Dash 4.2 and newer
app = Dash(__name__, title="dash-pipe demo", update_title=None, **options)
app.index_string = app.index_string.replace("<html>", '<html lang="en">')
server = app.server  # for `gunicorn usage:server`


# (a) Everybody's presses. Pressing only sends. A page counts the messages of its Pipe, including
#     its own presses. With `replay` a new page starts with the earlier presses.

presses_pipe = Pipe(
    id="pipe-presses", channel_name="live_button_counter", label="named_counts", replay=500
)


def press(colour: str, _n_clicks: int):
    value = {"click_colour": colour}
    send_to_pipe_channel(channel_name="live_button_counter", label="named_counts", value=value)


for colour in COLOURS:  # a callback each, as one callback for all could skip a press
    when_clicked = callback(Input(f"button-{colour}", "n_clicks"), prevent_initial_call=True)
    when_clicked(functools.partial(press, colour))


# One call may have several messages, so this counts `messages`. The Pipe is its only Input:
# Dash may discard the result of a call if another Input changes meanwhile.
@callback(
    Output("presses", "data"),
    Output("press-chart", "figure"),
    Output("press-log", "children"),
    Input("pipe-presses", "messages"),
    State("presses", "data"),
    prevent_initial_call=True,
)
def count_presses(messages: list[dict], presses: dict):
    counts, log = presses["counts"], presses["log"]
    for message in messages:
        value = message["value"]
        if isinstance(value, dict) and "click_colour" in value:  # anything may have been sent
            colour = str(value["click_colour"])
            counts[colour] = counts.get(colour, 0) + 1
            at = time.strftime("%H:%M:%S", time.localtime(message["time"]))
            log = [(colour, at), *log[:49]]
    lines = [
        html.Li(f"button {colour} at {at}", style={"borderColor": COLOURS.get(colour, OTHER)})
        for colour, at in log
    ]
    return {"counts": counts, "log": log}, bars(counts), lines


def bars(counts: dict[str, int]) -> dict:
    names, numbers = list(counts), list(counts.values())
    marker = {"color": [COLOURS.get(name, OTHER) for name in names], "cornerradius": 6}
    trace = {"type": "bar", "x": names, "y": numbers, "text": numbers, "marker": marker}
    yaxis = {"visible": False, "range": [0, max(5, *numbers) * 1.15]}
    return chart({**trace, "textposition": "outside"}, {"type": "category"}, yaxis)


# (b) A price. A source sends it while a page listens; a clientside callback adds it to the chart,
#     without a request. `throttle` collects messages for 50 ms, so that they are drawn together.

ticker_pipe = Pipe(id="pipe-ticker", channel_name="ticker", label="price", replay=600, throttle=50)


@source("ticker", label="price")
def ticker():
    price = 100.0
    while True:
        price += random.gauss(0, 0.08) + (100 - price) * 0.002
        yield round(price, 3)
        time.sleep(1 / 60)


clientside_callback(
    """(messages, n_messages, {data: [line], layout}) => {
        const x = [...line.x, ...messages.map(({time}) => new Date(time * 1000))].slice(-600);
        const y = [...line.y, ...messages.map(({value}) => value)].slice(-600);
        return [{data: [{...line, x, y}], layout}, y.at(-1).toFixed(2), n_messages];
    }""",
    Output("ticker-chart", "figure"),
    Output("ticker-price", "children"),
    Output("ticker-received", "children"),
    Input("pipe-ticker", "messages"),
    State("pipe-ticker", "n_messages"),
    State("ticker-chart", "figure"),
    prevent_initial_call=True,
)


# (c) A burst. While a callback of a Pipe runs, messages wait in the browser for its next call:
#     all of them arrive, in far fewer calls.

burst_pipe = Pipe(id="pipe-burst", channel_name="burst", label="number", buffer_size=10 * BURST)


@callback(Input("burst-button", "n_clicks"), prevent_initial_call=True)
def send_burst(_):
    started = time.time()
    for number in range(BURST):
        value = {"number": number, "started": started}
        send_to_pipe_channel(channel_name="burst", label="number", value=value)


@callback(
    Output("burst", "data"),
    Output("burst-received", "children"),
    Output("burst-calls", "children"),
    Output("burst-time", "children"),
    Input("pipe-burst", "messages"),
    State("burst", "data"),
    prevent_initial_call=True,
)
def count_burst(messages: list[dict], burst: dict):
    received, calls = burst["received"] + len(messages), burst["calls"] + 1
    seconds = time.time() - messages[-1]["value"]["started"]
    return {"received": received, "calls": calls}, received, calls, f"{seconds:.2f}"


# (d) The connection, which all Pipes of a page share: `status`. And `n_gaps`, the number of times
#     that messages of a Pipe were lost for good.

status_pipe = Pipe(id="pipe-status", channel_name="live_button_counter", label="named_counts")

clientside_callback(
    """(status = "connecting", ...gaps) =>
        [status, `light ${status}`, gaps.reduce((sum, n) => sum + (n ?? 0), 0)]""",
    Output("status-light", "children"),
    Output("status-light", "className"),
    Output("gaps", "children"),
    Input("pipe-status", "status"),
    *(Input(f"pipe-{name}", "n_gaps") for name in ("presses", "ticker", "burst")),
)


# The page: three cards below a header.


def chart(trace: dict, xaxis: dict, yaxis: dict) -> dict:
    """Return a figure without background; assets/usage.css colours its text and grid."""
    layout = {
        "xaxis": {"fixedrange": True, "tickangle": 0, **xaxis},
        "yaxis": {"fixedrange": True, **yaxis},
        "margin": {"l": 8, "r": 8, "t": 8, "b": 28},
        "font": {"family": "system-ui, sans-serif", "size": 13},
        "paper_bgcolor": "transparent",
        "plot_bgcolor": "transparent",
    }
    return {"data": [{"hoverinfo": "skip", **trace}], "layout": layout}


def graph(id_: str, description: str, figure: dict) -> html.Div:
    inner = dcc.Graph(id=id_, figure=figure, responsive=True, config={"displayModeBar": False})
    return html.Div(inner, className="chart", role="img", **{"aria-label": description})


def numbers(units: dict[str, str]) -> html.Div:
    pairs = [[html.Strong("0", id=id_), html.Span(unit)] for id_, unit in units.items()]
    return html.Div([html.Div(pair) for pair in pairs], className="numbers")


def card(name: str, title: str, text: str, *children) -> html.Section:
    return html.Section([html.H2(title), html.P(text), *children], className=f"card {name}")


no_press = dict.fromkeys(COLOURS, 0)
buttons = [
    html.Button(colour, id=f"button-{colour}", style={"background": code})
    for colour, code in COLOURS.items()
]
prices = chart(
    {"x": [], "y": [], "mode": "lines", "line": {"color": "#2f81f7"}},
    {"type": "date", "tickformat": "%H:%M:%S", "showgrid": False, "nticks": 4},
    {"automargin": True, "tickformat": ".1f", "nticks": 6},
)
app.layout = html.Main(
    [
        *(presses_pipe, ticker_pipe, burst_pipe, status_pipe),
        dcc.Store(id="presses", data={"counts": no_press, "log": []}),
        dcc.Store(id="burst", data={"received": 0, "calls": 0}),
        html.Header(
            [
                html.H1("dash-pipe"),
                html.P("What the server knows, every page is told. Open a second page and see."),
                html.Div(
                    [html.Span(id="status-light"), "gaps: ", html.Span(id="gaps")], role="status"
                ),
            ]
        ),
        card(
            "presses",
            "Everybody's buttons",
            "Press one, and every page counts it; so do pages that are opened later.",
            html.Div(buttons, className="buttons"),
            graph("press-chart", "How often each button was pressed", bars(no_press)),
            html.Ol(id="press-log", role="log", tabIndex=0, **{"aria-label": "Presses"}),
        ),
        card(
            "ticker",
            "A price, 60 times a second",
            "A source on the server sends, the browser draws. No request is made.",
            numbers({"ticker-price": "now", "ticker-received": "messages"}),
            graph("ticker-chart", "The price in the last ten seconds", prices),
        ),
        card(
            "burst",
            f"A burst of {BURST:,}",
            "A server callback counts the messages. What comes while it runs is in its next call, "
            "and none is skipped.",
            html.Button(f"Send {BURST:,} messages", id="burst-button"),
            numbers(
                {"burst-received": "messages", "burst-calls": "calls", "burst-time": "seconds"}
            ),
        ),
    ]
)

if __name__ == "__main__":
    app.run()  # on port 8050, or the environment variable PORT
