"""The rules of the tests: nothing leaks into the next test, and children inherit little."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from harness.environment import environment, installing

TESTS = Path(__file__).parents[1]
CONFTEST = (TESTS / "conftest.py").read_text("utf-8")
SUBPROCESS = {"Popen", "check_call", "check_output", "run"}


LEAKS = {
    "os.environ['LEAK']: nothing -> '1'": """
import os
look_up = lambda: os.environ.get("LEAK")
def test_before():
    os.environ["LEAK"] = "1"
""",
    "os.getcwd(): ": """
import os
START = os.getcwd()
look_up = lambda: None if os.getcwd() == START else os.getcwd()
def test_before():
    os.chdir("/")
""",
    "sys.path: ": """
import sys
look_up = lambda: [each for each in sys.path if each == "/leak"]
def test_before():
    sys.path.insert(0, "/leak")
""",
    "logging.getLogger('dash_pipe').level: 0 -> 10": """
import logging
look_up = lambda: logging.getLogger("dash_pipe").level or None
def test_before():
    logging.getLogger("dash_pipe").setLevel(10)
""",
    "dash_pipe.settings.LEAK": """
from dash_pipe import settings
settings.LEAK = [1]
look_up = lambda: settings.LEAK[1:]
def test_before():
    settings.LEAK.append(2)
""",
}


IMPORT = "import os\nos.environ['LEAK'] = '1'\nlook_up = lambda: None"
RESTORED = """
import os
look_up = lambda: os.environ.get("LEAK")
def test_before(monkeypatch):
    monkeypatch.setenv("LEAK", "1")
    monkeypatch.chdir("/")
"""
AFTER = "\n\ndef test_after():\n    assert look_up() in (None, [])\n"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Run pytest on files with such a test, then one that checks; return its output."""
    directory = tmp_path_factory.mktemp("leaks")
    (directory / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    files = [*LEAKS.values(), IMPORT, RESTORED]
    for number, text in enumerate(files):
        (directory / f"test_{number}.py").write_text(text + AFTER, encoding="utf-8")
    flags = "-p no:randomly -p no:dash -rA --continue-on-collection-errors"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *flags.split(), directory],
        cwd=directory,
        env=environment({"PYTHONPATH": str(TESTS)}),
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout


@pytest.mark.parametrize("said", LEAKS)
def test_state_left_changed_by_a_test_fails_it_and_not_the_next(shown: str, said: str) -> None:
    file = f"test_{[*LEAKS].index(said)}.py"
    assert f"ERROR {file}::test_before" in shown, shown
    assert f"{file}::test_before has left changed:\n{said}" in shown
    assert f"PASSED {file}::test_after" in shown


def test_state_left_changed_by_an_import_fails_the_module(shown: str) -> None:
    file = f"test_{len(LEAKS)}.py"
    assert f"the import of {file} has left changed:\nos.environ['LEAK']: nothing -> '1'" in shown
    assert f"PASSED {file}" not in shown


def test_state_restored_by_a_fixture_is_no_leak(shown: str) -> None:
    file = f"test_{len(LEAKS) + 1}.py"
    assert f"PASSED {file}::test_before" in shown
    assert f"ERROR {file}" not in shown


def test_environment_of_a_child_has_only_what_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "mysite.settings")
    monkeypatch.setenv("DASH_PIPE_BROKER", "redis://elsewhere")
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    code = "import json, os; print(json.dumps(dict(os.environ)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment({"PORT": "8050"}),
        capture_output=True,
        text=True,
        check=True,
    )
    inherited = set(ast.literal_eval(done.stdout))
    assert {"LC_ALL", "PATH", "PORT"} <= inherited
    assert not {"DJANGO_SETTINGS_MODULE", "DASH_PIPE_BROKER", "PYTHONPATH"} & inherited


def test_environment_of_an_installer_knows_the_way_to_an_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("PIP_CERT", "https_proxy", "DASH_PIPE_BROKER")
    for name in names:
        monkeypatch.setenv(name, "1")
    assert [name in installing() for name in names] == [True, True, False]


def calls(file: Path) -> list[ast.Call]:
    return [node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if is_start(node)]


def is_start(node: ast.AST) -> bool:
    """Return whether a node starts a process."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "subprocess"
        and node.func.attr in SUBPROCESS
    )


def test_every_child_is_given_an_environment() -> None:
    files = [file for file in TESTS.rglob("*.py") if "switched_off" not in file.parts]
    starts = [(file.name, call) for file in files for call in calls(file)]
    assert len(starts) > 10
    inheriting = [
        f"{name}:{call.lineno}"
        for name, call in starts
        if "env" not in {keyword.arg for keyword in call.keywords}
    ]
    assert inheriting == []
