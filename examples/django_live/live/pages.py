"""Two Dash apps on one Flask server: three buttons, and the plot of everyone's presses by colour.

Django's settings have the address of the websocket.
"""

import functools

from dash import Dash, Input, Output, dcc, html
from flask import Flask, request

from dash_pipe import Pipe

from .presses import COLOURS, press

server = Flask(__name__)


def page(name: str, title: str) -> Dash:
    """Make a Dash app at /<name>/."""
    return Dash(
        f"live_{name}",
        server=server,
        url_base_pathname=f"/{name}/",
        title=title,
        external_stylesheets=["/static/live/style.css"],  # that of Django's pages
        use_async=False,  # callbacks run in the server's threads, not on a loop for each
        update_title=None,
    )


# The buttons

buttons = page("buttons", "Buttons")
shades = [
    html.Button(colour, id=colour, style={"background": shade}) for colour, shade in COLOURS.items()
]
buttons.layout = html.Main(
    [
        html.H1("Press"),
        html.Div(shades, className="colours"),
        html.P(["Everyone's presses are in ", html.A("the plot", href="/plot/"), "."]),
    ]
)
for colour in COLOURS:
    when_clicked = buttons.callback(Input(colour, "n_clicks"), prevent_initial_call=True)
    when_clicked(functools.partial(lambda colour, _: press(colour, user_name()), colour))


def user_name() -> str:
    """Return the name of Django's user, which `Protected` passes on."""
    return request.environ["asgi.scope"]["user"].get_username()


# The plot

plot = page("plot", "Plot")
LAYOUT = {
    "xaxis": {"fixedrange": True},
    "yaxis": {"visible": False, "fixedrange": True, "rangemode": "tozero"},
    "margin": {"l": 0, "r": 0, "t": 24, "b": 24},
    "paper_bgcolor": "transparent",
    "plot_bgcolor": "transparent",
}
graph = dcc.Graph(id="plot", responsive=True, config={"displayModeBar": False})

plot.layout = html.Main(
    [
        Pipe(id="pipe", channel_name="presses", label="counts", replay=1),
        Pipe(id="names", channel_name="presses", label="names", replay=1),
        html.H1("Everyone's presses"),
        html.Div(graph, className="chart"),
        html.P(id="status"),
    ]
)


@plot.callback(Output("plot", "figure"), Input("pipe", "value"))
def show(counts: dict[str, int] | None):
    counts = counts or dict.fromkeys(COLOURS, 0)
    names, numbers = list(counts), list(counts.values())
    bars = {"type": "bar", "x": names, "y": numbers, "text": numbers, "textposition": "outside"}
    bars["marker"] = {"color": [COLOURS[colour] for colour in counts]}
    return {"data": [bars], "layout": LAYOUT}


@plot.callback(Output("status", "children"), Input("names", "value"), Input("names", "status"))
def show_name(press: dict[str, str] | None, status: str | None):
    if status == "denied":
        log_in = html.A("Log in", href="/login/?next=/", target="_top")
        return [log_in, " to see who presses."]
    return f"The last was {press['name']}: {press['colour']}." if press else "Nobody has pressed."
