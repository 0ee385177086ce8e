"""Install a wheel into a new environment and try it there. Needs only Python."""

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

APP = """
from dash import Dash, html
from dash_pipe import Pipe, __version__, send_to_pipe_channel

app = Dash(__name__)
app.layout = html.Div(Pipe(id="clock", channel_name="time"))
send_to_pipe_channel(channel_name="time", label="now", value=1)
browser = app.server.test_client()
for path in ("/", "/_dash-layout", "/_pipe/info"):
    assert browser.get(path).status_code == 200, path
print("dash-pipe", __version__, "works")
"""


def run(*command: str | Path) -> None:
    """Run a command outside the checkout, so that its dash_pipe is not imported.

    Raises:
        CalledProcessError: The command failed.
    """
    subprocess.run([str(part) for part in command], cwd=tempfile.gettempdir(), check=True)


def main(wheel: Path) -> None:
    """Install a wheel, then import it, use it in an app, and call its command line."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as directory:
        venv.create(directory, with_pip=True)
        programs = Path(directory) / ("Scripts" if os.name == "nt" else "bin")
        run(programs / "python", "-m", "pip", "install", "--quiet", wheel.resolve())
        run(programs / "python", "-W", "error:::dash_pipe", "-c", APP)
        run(programs / "dash-pipe", "doctor")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python tools/try_wheel.py dist/dash_pipe-...whl")
    main(Path(sys.argv[1]))
