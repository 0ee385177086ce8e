"""`DASH_PIPE_AUTHORIZE=module:function`, where that module makes the app."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import pytest

from dash_pipe.errors import SettingError
from dash_pipe.settings import resolve
from dash_pipe.settings.function_path import FunctionPath
from harness.environment import environment
from harness.port import Port
from harness.wait import TIMEOUT, wait_for

MODULE = [sys.executable, "-m", "dash_pipe"]
SCRIPT = [str(Path(sys.executable).with_name("dash-pipe"))]
AUTHORIZE = {"DASH_PIPE_AUTHORIZE": "app:may_listen"}
FRAMES = [{"type": "subscribe", "channel": name, "labels": None} for name in ("jobs", "secrets")]
APP = f"""
import sys
import dash
import dash_pipe

dash_pipe.configure(heartbeat_interval=3)
app = dash.Dash("app")
app.layout = dash.html.Div()
dash_pipe.send_to_pipe_channel("jobs", "a", 1)

def may_listen(request, channel, labels):
    return channel == "jobs"

if __name__ == "__main__":
    answer = app.server.test_client().post("/_pipe/poll", data='{json.dumps(FRAMES)}')
    print(answer.text)
    print("app" in sys.modules)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Make a directory with an app, which defines `may_listen` after the app."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def run(
    command: list[str], directory: Path, settings: dict[str, str] = AUTHORIZE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=directory,
        env=environment(settings),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def kinds(frames: str) -> list[str]:
    return [frame.get("code", frame["type"]) for frame in json.loads(frames)]


@pytest.mark.parametrize("command", [MODULE, SCRIPT], ids=["module", "script"])
def test_doctor_with_authorize_of_the_app_shows_it(project: Path, command: list[str]) -> None:
    found = run([*command, "doctor"], project)
    assert (found.returncode, found.stderr) == (0, "")
    assert "authorize = app:may_listen  (changed)" in found.stdout
    assert "heartbeat_interval = 3.0" in found.stdout  # the app has been made


def test_send_with_authorize_of_the_app_imports_nothing(project: Path) -> None:
    found = run([*MODULE, "send", "jobs", "a", "1"], project)
    assert found.returncode == 2
    assert "send: the broker is memory://" in found.stderr
    found = run([*MODULE, "send", "jobs", "a", "1"], project.parent)  # where there is no app
    assert "send: the broker is memory://" in found.stderr


@pytest.mark.parametrize("program", ["import dash_pipe", "import app, dash_pipe"])
def test_sender_with_authorize_of_the_app_sends(project: Path, program: str) -> None:
    program += "; print(dash_pipe.send_to_pipe_channel('news', 'a', 1).offset)"
    found = run([sys.executable, "-c", program], project)
    assert (found.returncode, found.stdout) == (0, "1\n"), found.stderr


@contextmanager
def gateway(directory: Path) -> Iterator[str]:
    """Run a gateway while inside; yield its address."""
    port = Port()
    with subprocess.Popen(
        [*MODULE, "serve", "--port", str(port.number)], cwd=directory, env=environment(AUTHORIZE)
    ) as process:
        try:
            yield f"http://127.0.0.1:{port.number}/_pipe/"
        finally:
            process.terminate()
            process.wait(TIMEOUT)


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}info", timeout=TIMEOUT):
            return True
    except urllib.error.URLError:
        return False


def test_serve_with_authorize_of_the_app_calls_it(project: Path) -> None:
    with gateway(project) as url:
        wait_for(lambda: is_up(url), "the gateway")
        request = urllib.request.Request(f"{url}poll", json.dumps(FRAMES).encode())
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            assert kinds(answer.read().decode())[:2] == ["subscribed", "denied"]


def test_app_run_as_a_program_authorizes_without_a_second_import(project: Path) -> None:
    found = run([sys.executable, "app.py"], project)
    frames, is_imported_again = found.stdout.splitlines()
    assert kinds(frames)[:2] == ["subscribed", "denied"]
    assert is_imported_again == "False"


@pytest.mark.parametrize("command", ["doctor", "serve"])
def test_module_that_fails_exits_with_reason_and_search_path(tmp_path: Path, command: str) -> None:
    (tmp_path / "rules.py").write_text("import no_such_package")
    for path, error in [
        ("nowhere:may_listen", "ModuleNotFoundError: No module named 'nowhere'"),
        ("rules:may_listen", "ModuleNotFoundError: No module named 'no_such_package'"),
        ("json:may_listen", "AttributeError: module 'json' has no attribute 'may_listen'"),
    ]:
        found = run([*MODULE, command], tmp_path, {"DASH_PIPE_AUTHORIZE": path})
        assert found.returncode == 2
        assert f"DASH_PIPE_AUTHORIZE: can't import '{path}' ({error}" in found.stderr
        assert "sys.path; `dash-pipe` and `python -m dash_pipe` add " in found.stderr
        assert f"working directory (here {tmp_path})" in found.stderr
        assert "Traceback" not in found.stderr


def test_app_with_a_missing_module_does_not_start(project: Path) -> None:
    found = run([sys.executable, "app.py"], project, {"DASH_PIPE_AUTHORIZE": "nowhere:may_listen"})
    assert found.returncode == 1
    assert "SettingError: DASH_PIPE_AUTHORIZE: can't import 'nowhere:may_listen'" in found.stderr


def test_function_needed_too_early_raises_with_advice(project: Path) -> None:
    (project / "early.py").write_text(
        "from dash_pipe import runtime\nruntime.current().load()\ndef may_listen(*_): return True\n"
    )
    settings = {"DASH_PIPE_AUTHORIZE": "early:may_listen"}
    found = run([sys.executable, "-c", "import early"], project, settings)
    assert "most likely due to a circular import)). The function is needed while" in found.stderr
    assert "move the function to a module of its own" in found.stderr


@pytest.mark.parametrize("path", ["", "app", "app:", ":f", "app:f()", "a b:c", "app:1f", "a/b:c"])
def test_path_that_names_no_function_is_rejected(path: str) -> None:
    with pytest.raises((ValueError, SettingError)):
        FunctionPath(path).load()


def test_path_of_a_non_function_raises() -> None:
    path = FunctionPath("os:sep")
    path.setting = "DASH_PIPE_AUTHORIZE"
    with pytest.raises(SettingError, match=r"^DASH_PIPE_AUTHORIZE: expected a function"):
        path.load()


def test_path_imports_its_function_once_and_calls_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rules_of_test.py").write_text("def double(n): return 2 * n")
    monkeypatch.syspath_prepend(tmp_path)
    path = FunctionPath("rules_of_test:double")
    path.check()
    assert path.function is None
    assert path(4) == 8
    path.check()
    assert path.load() is sys.modules.pop("rules_of_test").double
    assert path(n=5) == 10


def test_paths_are_equal_by_what_they_name() -> None:
    assert FunctionPath("json:dumps") == FunctionPath("json:dumps")
    assert {FunctionPath("json:dumps"), FunctionPath("json:dumps")} == {FunctionPath("json:dumps")}
    assert FunctionPath("json:dumps") != FunctionPath("json:loads")
    assert FunctionPath("json:dumps") != "json:dumps"
    assert repr(FunctionPath("json:dumps")) == "json:dumps"


def test_check_of_an_unknown_package_raises() -> None:
    with pytest.raises(SettingError, match=r"No module named 'nowhere'.*sys\.path"):
        FunctionPath("nowhere.rules:may_listen").check()


def test_path_into_the_running_program_finds_it_there(monkeypatch: pytest.MonkeyPatch) -> None:
    program = ModuleType("__main__")
    vars(program).update(__file__="/srv/dashboard_of_test.py", __spec__=None, answer=lambda: 42)
    monkeypatch.setitem(sys.modules, "__main__", program)
    path = FunctionPath("dashboard_of_test:answer")
    path.check()
    assert path() == 42
    vars(program).update(__spec__=ModuleSpec("package.of_test", None))  # python -m
    assert FunctionPath("package.of_test:answer")() == 42
    with pytest.raises(SettingError, match="No module named 'dashboard_of_test'"):
        FunctionPath("dashboard_of_test:answer").load()


def test_circular_import_raises_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "circle_of_test.py").write_text(
        "from dash_pipe.settings import FunctionPath\n"
        "FunctionPath('circle_of_test:late').load()\n"
        "def late(): return None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingError, match="move the function to a module of its own"):
        FunctionPath("circle_of_test:late").load()


def test_load_of_settings_imports_the_function_of_authorize() -> None:
    settings = resolve({}, {"DASH_PIPE_AUTHORIZE": "json:dumps"})
    assert isinstance(settings.authorize, FunctionPath)
    assert settings.load() is settings
    assert settings.authorize.function is json.dumps
