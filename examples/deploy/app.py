"""A notice board: every page shows the posts of all processes. README.md deploys it.

The app knows nothing of the deployment: its path, the broker and the rest are in dashboard.env.
"""

import os
import time

from dash import Dash, Input, Output, State, callback, clientside_callback, dcc, html

from dash_pipe import Pipe, send_to_pipe_channel

app = Dash(__name__, title="Notice board", update_title=None)
server = app.server  # for `gunicorn app:server`

app.layout = html.Main(
    [
        Pipe(id="pipe", channel_name="board"),
        Pipe(id="line", channel_name="board"),  # not held up by slow callbacks
        dcc.Store(id="board", data={"posted": 0, "newest": []}),
        html.H1("Notice board"),
        html.P([html.Span("connecting", id="status"), " · gaps: ", html.Span("0", id="gaps")]),
        html.Button("Post", id="post"),
        html.P([html.Strong("0", id="posted"), " notices since this page was opened"]),
        html.Ol(id="newest"),
    ]
)


@callback(Input("post", "n_clicks"), prevent_initial_call=True)
def post(n_clicks):
    send_to_pipe_channel("board", "notice", f"a page's notice {n_clicks}, from {os.getpid()}")


# The processes share no memory, so the page keeps its notices.
@callback(
    Output("board", "data"),
    Output("posted", "children"),
    Output("newest", "children"),
    Input("pipe", "messages"),
    State("board", "data"),
    prevent_initial_call=True,
)
def show(messages, board):
    posted = board["posted"] + len(messages)
    lines = [[time.strftime("%X", time.localtime(m["time"])), m["value"]] for m in messages]
    newest = [*reversed(lines), *board["newest"]][:10]
    items = [html.Li([html.Time(at), html.Span(notice)]) for at, notice in newest]
    return {"posted": posted, "newest": newest}, str(posted), items


clientside_callback(
    "(status, gaps) => [status ?? 'connecting', String(gaps ?? 0)]",
    Output("status", "children"),
    Output("gaps", "children"),
    Input("line", "status"),
    Input("line", "n_gaps"),
)
