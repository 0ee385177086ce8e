import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

import dash_pipe
from dash_pipe import brokers, runtime
from dash_pipe.brokers.memory import MemoryBroker
from dash_pipe.concurrency.per_process import Part
from dash_pipe.errors import SettingError
from dash_pipe.log import Limits
from harness.environment import environment
from harness.wait import TIMEOUT


def test_configure_returns_the_settings_in_force() -> None:
    settings = dash_pipe.configure(heartbeat_interval=5, window_messages=7)
    assert (settings.heartbeat_interval, settings.window_messages) == (5, 7)
    assert runtime.current().settings == settings
    assert runtime.current().policy.heartbeat_interval == 5


def test_configure_again_keeps_earlier_settings() -> None:
    dash_pipe.configure(heartbeat_interval=5)
    assert dash_pipe.configure(window_messages=7).heartbeat_interval == 5


def test_window_settings_reach_the_broker() -> None:
    dash_pipe.configure(window_messages=2, kept_labels=1)
    for number in range(5):
        dash_pipe.send_to_pipe_channel("jobs", "a", number)
    log = runtime.current().broker.open("jobs")
    assert len(log.read(0, None, 2**30).rows) == 2


def test_configure_after_first_use_raises() -> None:
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    with pytest.raises(SettingError, match=r"^heartbeat_interval: .*call configure\(\) at the top"):
        dash_pipe.configure(heartbeat_interval=5)
    assert runtime.current().settings.heartbeat_interval == 25


def test_configure_after_first_use_with_equal_settings_is_allowed() -> None:
    dash_pipe.configure(heartbeat_interval=5)
    dash_pipe.send_to_pipe_channel("jobs", "a", 1)
    assert dash_pipe.configure(heartbeat_interval=5).heartbeat_interval == 5
    assert dash_pipe.configure().heartbeat_interval == 5


def test_configure_with_an_error_changes_nothing() -> None:
    dash_pipe.configure(heartbeat_interval=5)
    with pytest.raises(SettingError, match="nope"):
        dash_pipe.configure(window_messages=7, nope=1)
    assert dash_pipe.configure() == dash_pipe.settings.Settings(heartbeat_interval=5)


def test_environment_variable_applies_until_configure_overrides_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DASH_PIPE_HEARTBEAT_INTERVAL", "7")
    assert runtime.current().settings.heartbeat_interval == 7
    assert dash_pipe.configure(heartbeat_interval=5).heartbeat_interval == 5


def test_publish_with_invalid_environment_variable_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASH_PIPE_HEARTBEAT_INTERVAL", "soon")
    with pytest.raises(SettingError, match=r"^DASH_PIPE_HEARTBEAT_INTERVAL: "):
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)


def test_publish_with_unknown_broker_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DASH_PIPE_BROKER", "pigeon://")
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


def test_runtime_is_usable_while_its_broker_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = MemoryBroker(Limits(), 1)

    def connect(*_: Any) -> MemoryBroker:
        other = threading.Thread(target=dash_pipe.configure)
        other.start()
        other.join(TIMEOUT)
        assert not other.is_alive()
        return made

    monkeypatch.setattr(brokers, "connect", connect)
    assert runtime.current().broker is made


class Recorded(Part):
    """A part that records its end."""

    def __init__(self, owner: runtime.Runtime) -> None:
        self.owner = owner
        self.calls: list[str] = []

    def start(self) -> None:
        self.calls.append("start")

    def end(self) -> None:
        self.calls.append("end")

    def abandon(self) -> None:
        self.calls.append("abandon")


def test_part_is_shared_per_key() -> None:
    current = runtime.current()
    part = current.part(Recorded)
    assert current.part(Recorded) is current.existing_part(Recorded) is part
    assert (part.owner, part.calls) == (current, ["start"])
    assert current.existing_part(Recorded, "other") is None
    assert current.part(Recorded, "other") is not part


def test_part_requested_by_threads_is_made_once() -> None:
    at_once = threading.Barrier(8)
    found: list[Recorded] = []

    def ask() -> None:
        at_once.wait(10)
        found.append(runtime.current().part(Recorded))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert found[0].calls == ["start"]


def test_part_discarded_is_made_again() -> None:
    first = runtime.current().part(Recorded)
    runtime.current().discard(first)
    second = runtime.current().part(Recorded)
    assert second is not first
    runtime.current().discard(first)  # which has ended already
    assert runtime.current().part(Recorded) is second
    assert first.calls == ["start"]


def test_part_that_cannot_start_is_not_kept() -> None:
    class NoThread(Recorded):
        def start(self) -> None:
            raise RuntimeError("can't start new thread")

    with pytest.raises(RuntimeError, match="can't start"):
        runtime.current().part(NoThread)
    assert runtime.current().existing_part(NoThread) is None


def test_runtimes_swapped_end_their_parts_and_keep_their_settings() -> None:
    before = runtime.current()
    dash_pipe.configure(heartbeat_interval=5)
    part = before.part(Recorded)
    with runtime.swapped(before.copy()) as other:
        assert part.calls == ["start", "end"]
        assert runtime.current() is other
        assert other.settings.heartbeat_interval == 5
        assert other.broker is not before.broker
        assert other.diagnostics is not before.diagnostics
        others = other.part(Recorded)
    assert others.calls == ["start", "end"]
    assert runtime.current() is before
    assert before.part(Recorded) is not part


def test_process_exit_ends_parts_once() -> None:
    code = """if 1:
        from dash_pipe import runtime
        from dash_pipe.concurrency.per_process import Part

        class Polite(Part):
            def __init__(self, runtime):
                pass
            def goodbye(self):
                print("goodbye")

        first = runtime.current().part(Polite)
        runtime.current().discard(first)
        runtime.current().part(Polite)
        with runtime.swapped(runtime.current().copy()) as other:
            other.part(Polite)
        runtime.current().part(Polite)
    """
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert found.stdout == "goodbye\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
# A thread of an earlier test may be alive; the child does too little to be affected.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
class TestAfterFork:
    @staticmethod
    def in_child(tell: Callable[[], str]) -> str:
        """Run a function in a forked child; return its text, or "silence" after ten seconds."""
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

    def test_child_keeps_the_settings_and_has_its_own_broker(self) -> None:
        dash_pipe.configure(heartbeat_interval=5)
        position = dash_pipe.send_to_pipe_channel("jobs", "a", 1)

        def tell() -> str:
            epoch, offset = dash_pipe.send_to_pipe_channel("jobs", "a", 1)
            interval = runtime.current().settings.heartbeat_interval
            return f"{interval} {offset} {epoch != position.epoch}"

        assert self.in_child(tell) == "5.0 1 True"
        assert dash_pipe.send_to_pipe_channel("jobs", "a", 1) == (position.epoch, 2)

    def test_child_is_not_blocked_by_a_lock_held_at_the_fork(self) -> None:
        dash_pipe.configure(heartbeat_interval=5)
        current = runtime.current()
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)
        with current._configured._lock, current.broker._lock:  # type: ignore[attr-defined]
            heard = self.in_child(
                lambda: str(dash_pipe.send_to_pipe_channel("jobs", "a", 1).offset)
            )
        assert heard == "1"

    def test_child_can_be_configured(self) -> None:
        dash_pipe.send_to_pipe_channel("jobs", "a", 1)
        assert (
            self.in_child(lambda: str(dash_pipe.configure(heartbeat_interval=6).heartbeat_interval))
            == "6.0"
        )

    def test_child_has_its_own_parts(self) -> None:
        part = runtime.current().part(Recorded)

        def tell() -> str:
            gone = runtime.current().existing_part(Recorded) is None
            return f"{part.calls} {gone}"

        with runtime.current()._parts._lock:
            assert self.in_child(tell) == "['start', 'abandon'] True"
        assert part.calls == ["start"]
