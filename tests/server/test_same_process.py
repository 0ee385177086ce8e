"""An app that runs in a thread of the test, or of a notebook, as Dash starts it there."""

import gc
import os
import threading
from asyncio import AbstractEventLoop, BaseTransport
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import nbformat
import pytest
from dash import Dash, html
from dash.testing.application_runners import ThreadedRunner
from nbclient import NotebookClient
from traitlets.config import Config

from dash_pipe import Pipe, runtime, send_to_pipe_channel
from dash_pipe.testing import own_messages
from harness.environment import environment
from harness.nginx import filled
from harness.port import Port
from harness.recipes import Recipes
from harness.wait import wait_for
from harness.ws import PipeClient

# On Flask the runner ends an app by raising SystemExit in every thread that began with it, ours
# too: what a thread does at that moment, such as closing a socket, is left undone.
IGNORED = "ignore::pytest.PytestUnraisableExceptionWarning"


@pytest.fixture
def killed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Collect what was left undone within the test that ignores the warnings about it.

    The exceptions of killed threads are dropped at once: pytest would hold what their frames hold,
    and format them beside this thread, which ``ast`` of Python 3.11 does not survive.
    """
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    with threads_end(), runtime.swapped(runtime.Runtime()):
        yield
    wait_for(lambda: not unclosed_transports(), "the transports of closed loops to be collected")


def unclosed_transports() -> list[object]:
    """Return the transports that can't be closed any more, and that something still holds."""
    gc.collect()
    return [
        each
        for each in gc.get_objects()
        if issubclass(type(each), BaseTransport)  # `each` may be a proxy of what is gone
        and isinstance(loop := vars(each).get("_loop"), AbstractEventLoop)
        and loop.is_closed()
    ]


def killing(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that has threads killed."""
    return pytest.mark.usefixtures("killed")(pytest.mark.filterwarnings(IGNORED)(test))


@pytest.fixture(autouse=True)
def _variables() -> Iterator[None]:
    """Werkzeug hands its descriptor to a reloader in a variable, and leaves it there."""
    with patch.dict(os.environ):
        yield


def make_app(backend: str) -> Dash:
    app = Dash(__name__, **({} if backend == "flask" else {"backend": backend}))
    app.layout = html.Div(Pipe(id="pipe", channel_name="jobs"))
    return app


@contextmanager
def threads_end() -> Iterator[None]:
    """Wait for the threads that began inside: ``ast`` fails beside one that is killed."""
    before = set(threading.enumerate())
    yield
    wait_for(lambda: set(threading.enumerate()) <= before, "the killed threads to end")


def values(page: PipeClient, count: int) -> list[object]:
    return [row[2] for row in page.rows(count)]


@killing
@pytest.mark.parametrize("backend", ["flask", "fastapi", "quart"])
def test_apps_run_one_after_another_receive_messages(backend: str) -> None:
    for n in range(3):
        port = Port()
        with ThreadedRunner() as runner:
            runner.start(make_app(backend), host="127.0.0.1", port=port.number)
            with PipeClient(f"http://127.0.0.1:{runner.port}/") as page:
                page.subscribe("jobs")
                send_to_pipe_channel("jobs", "a", n)
                assert values(page, 1) == [n]
        # The next app is made without it; others that are killed wait, and run no code.
        wait_for(lambda app=runner.thread: not app.is_alive(), "the thread of the app to end")


# As the fixtures are when a test takes `pipe_messages, dash_duo`.
@killing
def test_app_run_with_pipe_messages_fixture_receives_messages() -> None:
    for n in range(2):
        port = Port()
        with threads_end(), own_messages() as messages, ThreadedRunner() as runner:
            runner.start(make_app("flask"), host="127.0.0.1", port=port.number)
            with PipeClient(f"http://127.0.0.1:{runner.port}/") as page:
                page.subscribe("jobs")
                messages.wait_for_listener("jobs")
                send_to_pipe_channel("jobs", "a", n)
                assert values(page, 1) == [n]
            assert messages("jobs") == [n]


# The recipe, a cell below each `# %%`.
NOTEBOOK = Recipes("docs/integrations.md").code("A notebook").split("# %%\n")[1:]


def test_notebook_cells_run_twice_deliver_messages() -> None:
    port = Port()
    first, *rest = NOTEBOOK
    cells = [
        nbformat.v4.new_code_cell(cell) for cell in (filled(first, {"8050": port.number}), *rest)
    ]
    # Its own ports would be looked for, let go of and bound again by the kernel: it needs none.
    config = Config({"KernelManager": {"transport": "ipc"}})
    client = NotebookClient(nbformat.v4.new_notebook(cells=cells), timeout=60, config=config)
    with client.setup_kernel(env=environment()):
        for _ in range(2):  # a cell is run again when something in it has changed
            client.execute_cell(cells[0], 0)
            with PipeClient(f"http://127.0.0.1:{port.number}/") as page:
                page.subscribe("jobs")
                for index in (1, 2):
                    client.execute_cell(cells[index], index)
                assert values(page, 4) == [0, 1, 2, "all"]
