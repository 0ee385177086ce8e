"""Fork this process, or kill one of its threads."""

import ctypes
import os
import select
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.concurrency.per_process import Part
from harness.wait import TIMEOUT, wait_for

WAITING = ("select", "wait")  # of a selector, of an event

forks = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),
]


@contextmanager
def forked(look: Callable[[], bool]) -> Iterator[bool]:
    """Fork a child while inside; yield the result of `look` in it."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:  # lives until the parent has read
        os.write(theirs, b"yes" if look() else b"no")
        select.select([], [], [], 4 * TIMEOUT)  # longer than the parent waits
        os._exit(0)
    try:
        assert select.select([ours], [], [], TIMEOUT)[0]
        yield os.read(ours, 100) == b"yes"
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(ours)
        os.close(theirs)


def check_child_drops_browsers(make: Callable[[runtime.Runtime], Part], page: Any) -> None:
    """Check that a browser stays connected after a fork, and that the child drops it."""
    page.subscribe("jobs")
    with forked(lambda: runtime.current().existing_part(make) is None) as forgotten:
        assert forgotten
        dash_pipe.send_to_pipe_channel("jobs", "a", "still here")
        assert page.frame()["messages"][0][2] == "still here"
        runtime.current().part(make).goodbye()
        page.close_code()
        page.flush()
        assert page.sock.recv(100) == b""  # no descriptor of it is open anywhere


def kill(thread: threading.Thread) -> None:
    """Make a waiting thread raise SystemExit, as dash.testing ends an app on Flask.

    It raises as soon as it runs again.
    """
    if sys.gettrace() is not None and sys.version_info < (3, 12):
        pytest.skip("a traced thread spins until the other has taken its exception (CPython 3.11)")
    ident = thread.ident
    assert ident is not None
    wait_for(lambda: sys._current_frames()[ident].f_code.co_name in WAITING, "the thread to wait")
    set_exception = ctypes.pythonapi.PyThreadState_SetAsyncExc
    assert set_exception(ctypes.c_ulong(ident), ctypes.py_object(SystemExit)) == 1
