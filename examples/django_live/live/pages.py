"""Two Dash apps on one Flask server: three buttons, and the plot of everyone's presses by colour.

Neither says where the websocket is: Django's settings do.
"""

import functools

from dash import Dash, Input, Output, dcc, html
from flask import Flask

from dash_pipe import Pipe

from .presses import COLOURS, press

server = Flask(__name__)


def page(name: str, title: str) -> Dash:
    """A Dash app at /<name>/."""
    return Dash(
        f"live_{name}",
        server=server,
        url_base_pathname=f"/{name}/",
        title=title,
        use_async=False,  # callbacks run in the server's threads, not on a loop for each
        update_title=None,
    )


# The buttons

buttons = page("buttons", "Buttons")
buttons.layout = html.Div(
    [
        html.H1("Press"),
        *[
            html.Button(colour, id=colour, style={"background": shade, "color": "white"})
            for colour, shade in COLOURS.items()
        ],
        html.P(html.A("the plot", href="/plot/")),
    ]
)
for colour in COLOURS:
    when_clicked = buttons.callback(Input(colour, "n_clicks"), prevent_initial_call=True)
    when_clicked(functools.partial(lambda colour, _: press(colour), colour))


# The plot

plot = page("plot", "Plot")
plot.layout = html.Div(
    [
        Pipe(id="pipe", channel_name="presses", label="counts", replay=1),
        html.H1("Everyone's presses"),
        html.P(id="status"),
        dcc.Graph(id="plot"),
        html.P(html.A("the buttons", href="/buttons/")),
    ]
)


@plot.callback(Output("plot", "figure"), Input("pipe", "value"))
def show(counts: dict[str, int] | None):
    counts = counts or dict.fromkeys(COLOURS, 0)
    bars = {"type": "bar", "x": list(counts), "y": list(counts.values())}
    return {"data": [{**bars, "marker": {"color": [COLOURS[colour] for colour in counts]}}]}


@plot.callback(Output("status", "children"), Input("pipe", "status"))
def show_status(status: str | None):
    if status == "denied":
        return ["Only who has ", html.A("logged in", href="/login/?next=/plot/"), " may listen."]
    return status
