"""The wheel in a fresh environment without Node, as a user installs it."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.distribution import BARE, CONSTRAINTS, run
from harness.server import ROOT

# What must be in it beside the modules.
DATA = {
    *(
        f"dash_pipe/brokers/redis/{part}.lua"
        for part in ("channel", "window", "epochs", "messages", "run")
    ),
    *(
        f"dash_pipe/brokers/redis/{part}.lua"
        for part in ("read", "touch", "delete_empty", "hold", "release")
    ),
    "dash_pipe/dash_pipe.min.js",
    "dash_pipe/django/static/dash_pipe/dpd_page_socket.min.js",
    "dash_pipe/dpd_bridge.min.js",
    "dash_pipe/fallback.min.js",
    "dash_pipe/package-info.json",
    "dash_pipe/py.typed",
}


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """The interpreter of an environment with the wheel and what it depends on."""
    venv = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", venv)
    interpreter = str(venv / "bin" / "python")
    quietly = ("--quiet", "--disable-pip-version-check")
    run(interpreter, "-m", "pip", "install", *quietly, "-c", CONSTRAINTS / "dev.txt", wheel)
    return interpreter


def test_wheel_contains_package_and_no_tests(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("dash_pipe/**/*.py")}
    assert modules | DATA <= names
    extra = {name for name in names - modules - DATA if ".dist-info/" not in name}
    assert extra <= {"dash_pipe/proptypes.js"}


def test_wheel_version_is_that_of_package_json(wheel, python):
    version = json.loads((ROOT / "package.json").read_text())["version"]
    assert wheel.name.startswith(f"dash_pipe-{version}-")
    assert run(python, "-c", "import dash_pipe; print(dash_pipe.__version__)") == version


def test_import_without_extras_warns_of_nothing(python):
    run(python, "-c", "import dash")  # Dash's own warnings are not ours
    run(python, "-W", "error:::dash_pipe", "-c", "import dash_pipe, dash_pipe.frameworks.dash")


def test_command_without_server_extra_names_it(python):
    script = str(Path(python).with_name("dash-pipe"))
    assert "examples:" in run(script, "send", "--help")
    assert "exit codes:" in run(python, "-m", "dash_pipe", "--help")
    done = subprocess.run([script, "serve"], env=BARE, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'dash-pipe[server]'" in done.stderr
