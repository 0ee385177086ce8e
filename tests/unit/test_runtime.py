import os
import select
import threading
from collections.abc import Callable

import pytest

import dash_pipe
from dash_pipe import runtime
from dash_pipe.errors import SettingError


def test_configure_returns_what_is_in_force() -> None:
    settings = dash_pipe.configure(heartbeat_interval=5, window_messages=7)
    assert (settings.heartbeat_interval, settings.window_messages) == (5, 7)
    assert runtime.current().settings == settings
    assert runtime.current().policy.heartbeat_interval == 5


def test_configure_adds_to_what_was_configured() -> None:
    dash_pipe.configure(heartbeat_interval=5)
    assert dash_pipe.configure(window_messages=7).heartbeat_interval == 5


def test_settings_reach_the_broker() -> None:
    dash_pipe.configure(window_messages=2, kept_labels=1)
    for number in range(5):
        dash_pipe.send_to_pipe_channel("jobs", "a", number)
    log = runtime.current().broker.open("jobs")
    assert len(log.read(0, None, 2**30).rows) == 2


def test_too_late_is_said() -> None:
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    with pytest.raises(SettingError, match=r"^heartbeat_interval: .*call configure\(\) at the top"):
        dash_pipe.configure(heartbeat_interval=5)
    assert runtime.current().settings.heartbeat_interval == 25


def test_the_same_again_does_no_harm() -> None:
    dash_pipe.configure(heartbeat_interval=5)
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    assert dash_pipe.configure(heartbeat_interval=5).heartbeat_interval == 5
    assert dash_pipe.configure().heartbeat_interval == 5


def test_an_error_changes_nothing() -> None:
    dash_pipe.configure(heartbeat_interval=5)
    with pytest.raises(SettingError, match="nope"):
        dash_pipe.configure(window_messages=7, nope=1)
    assert dash_pipe.configure() == dash_pipe.settings.Settings(heartbeat_interval=5)


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASH_PIPE_HEARTBEAT_INTERVAL", "7")
    assert runtime.current().settings.heartbeat_interval == 7
    assert dash_pipe.configure(heartbeat_interval=5).heartbeat_interval == 5


def test_a_wrong_variable_is_told_to_who_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASH_PIPE_HEARTBEAT_INTERVAL", "soon")
    with pytest.raises(SettingError, match=r"^DASH_PIPE_HEARTBEAT_INTERVAL: "):
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)


def test_a_broker_that_is_none() -> None:
    dash_pipe.configure(broker="pigeon://")
    with pytest.raises(SettingError, match=r"^broker: "):
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)


def test_threads_share_one_broker() -> None:
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(runtime.current().broker)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, found))) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
# Some thread of an earlier test may be alive; the child does little enough to be safe.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
class TestFork:
    @staticmethod
    def in_child(tell: Callable[[], str]) -> str:
        """What a forked child has to say; it has ten seconds."""
        ours, theirs = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.write(theirs, tell().encode())
            except BaseException as error:
                os.write(theirs, repr(error).encode())
            finally:
                os._exit(0)
        os.close(theirs)
        try:
            ready, _, _ = select.select([ours], [], [], 10)
            if not ready:
                os.kill(pid, 9)
            return os.read(ours, 1000).decode() if ready else "silence"
        finally:
            os.close(ours)
            os.waitpid(pid, 0)

    def test_a_child_keeps_the_settings_and_nothing_else(self) -> None:
        dash_pipe.configure(heartbeat_interval=5)
        position = dash_pipe.send_to_pipe_channel("jobs", "a", 1)

        def tell() -> str:
            epoch, offset = dash_pipe.send_to_pipe_channel("jobs", "a", 1)
            interval = runtime.current().settings.heartbeat_interval
            return f"{interval} {offset} {epoch != position.epoch}"

        assert self.in_child(tell) == "5.0 1 True"
        assert dash_pipe.send_to_pipe_channel("jobs", "a", 1) == (position.epoch, 2)

    def test_a_lock_that_another_thread_holds_does_not_stop_it(self) -> None:
        dash_pipe.configure(heartbeat_interval=5)
        current = runtime.current()
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)
        with current._lock, current._broker._lock:  # type: ignore[union-attr]
            heard = self.in_child(
                lambda: str(dash_pipe.send_to_pipe_channel("jobs", "a", 1).offset)
            )
        assert heard == "1"

    def test_a_child_may_be_configured(self) -> None:
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)
        assert (
            self.in_child(lambda: str(dash_pipe.configure(heartbeat_interval=6).heartbeat_interval))
            == "6.0"
        )
