"""A page that starts Celery tasks and shows their progress; README.md says how to run it.

Each task has a row with its own Pipe. `replay=1` first gives the Pipe the newest message of each
label. So the page or the worker may be faster, and a reloaded page shows the current state.
"""

import tasks
from dash import MATCH, Dash, Input, Output, Patch, State, callback, ctx, dcc, html

from dash_pipe import Pipe

STEPS = 50
BUTTONS = {  # the trouble of a task, and its text
    "start": ("", "Start a task"),
    "fail": ("raise", "One that fails"),
    "kill": ("kill", "One that is killed"),
}

app = Dash(__name__, title="Celery progress", update_title=None)
server = app.server  # for gunicorn

buttons = [html.Button(text, id=id_, className=id_) for id_, (_, text) in BUTTONS.items()]
app.layout = html.Main(
    [
        dcc.Store(id="tasks", storage_type="session", data=[]),  # outlives the page, in its tab
        html.H1("Celery progress"),
        html.P("A worker does the work and says how far it is. The page is told, and never asks."),
        html.Div(buttons, className="buttons"),
        html.Ol([], id="rows"),
    ]
)


@callback(
    Output("tasks", "data"),
    *(Input(id_, "n_clicks") for id_ in BUTTONS),
    running=[(Output(id_, "disabled"), True, False) for id_ in BUTTONS],  # one click at a time
    prevent_initial_call=True,
)
def start(*_):
    trouble, _ = BUTTONS[ctx.triggered_id]
    started = Patch()
    started.append(tasks.start(STEPS, trouble))
    return started


@callback(Output("rows", "children"), Input("tasks", "data"), State("rows", "children"))
def add_rows(task_ids: list[str], rows: list):
    added = Patch()
    for task_id in task_ids[len(rows) :]:
        added.append(row(task_id))
    return added


def row(task_id: str) -> html.Li:
    def of(part: str) -> dict[str, str]:
        return {"part": part, "task": task_id}

    return html.Li(
        [
            Pipe(id=of("pipe"), channel_name=tasks.channel(task_id), replay=1),
            html.Span(f"task {task_id[:8]}"),
            html.Span("waiting for a worker", id=of("text"), role="status"),
            html.Div(html.Div(id=of("bar"), className="bar"), className="track"),
        ]
    )


@callback(
    Output({"part": "text", "task": MATCH}, "children"),
    Output({"part": "bar", "task": MATCH}, "style"),
    Output({"part": "bar", "task": MATCH}, "className"),
    Input({"part": "pipe", "task": MATCH}, "messages"),
    prevent_initial_call=True,
)
def show(messages: list[dict]):
    newest = {message["label"]: message["value"] for message in messages}
    done = newest.get("done")
    if done is None:
        percent = f"{newest['progress']:.0%}"
        return percent, {"width": percent}, "bar"
    state = "done" if done["ok"] else "failed"
    return f"{state}: {done['text']}", {"width": "100%"}, f"bar {state}"


CSS = """
:root { color-scheme: light dark; --page: #f3f5f8; --card: #fff; --text: #1b222c; --soft: #57606c;
        --line: #dfe4ea; --accent: #1f66d1; --good: #1f8a46; --bad: #cf3346; }
@media (prefers-color-scheme: dark) {
  :root { --page: #0f1318; --card: #181e26; --text: #e8ecf1; --soft: #a3adba; --line: #2b343f; }
}
* { box-sizing: border-box; margin: 0; }
body { background: var(--page); color: var(--text); font: 16px/1.4 system-ui, sans-serif; }
main { display: grid; gap: 16px; max-width: 720px; margin: auto; padding: 24px 16px; }
h1 { font-size: 26px; }
p, li span:first-of-type { color: var(--soft); }
.buttons { display: flex; flex-wrap: wrap; gap: 12px; }
button { flex: 1 0 auto; padding: 12px 16px; border: 1px solid var(--line); border-radius: 10px;
         background: var(--card); color: var(--text); font: inherit; cursor: pointer; }
button.start { flex-grow: 2; border-color: var(--accent); background: var(--accent); color: #fff;
               font-weight: 600; }
button:disabled { opacity: 0.6; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
ol { display: grid; gap: 12px; padding: 0; list-style: none; }
li { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 8px 16px;
     padding: 14px 16px; border: 1px solid var(--line); border-radius: 12px;
     background: var(--card); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.track { flex: 1 0 100%; height: 8px; border-radius: 4px; background: var(--line);
         overflow: hidden; }
.bar { width: 0; height: 100%; border-radius: 4px; background: var(--accent);
       transition: width 0.15s linear; }
.bar.done { background: var(--good); } .bar.failed { background: var(--bad); }
@media (max-width: 600px) { button { flex-grow: 1; } button.start { flex-basis: 100%; } }
"""
app.index_string = app.index_string.replace("<html>", '<html lang="en">').replace(
    "</head>", f"<style>{CSS}</style></head>"
)

if __name__ == "__main__":
    app.run()  # on port 8050, or the environment variable PORT
