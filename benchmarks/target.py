"""The servers to measure: their requirements and their commands."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
NEEDS = {
    "dash-pipe": ("dash_pipe", "dash", "gunicorn"),
    "dash-pipe-dev": ("dash_pipe", "dash"),
    "dash-pipe-redis": ("dash_pipe", "dash", "gunicorn", "redis"),
    "websockets": ("websockets",),
    "picows": ("picows",),
    "websockets-threaded": ("websockets",),
    "picows-threaded": ("picows",),
    "dash-pipe-uvicorn": ("dash_pipe", "dash", "fastapi", "uvicorn"),
    "queues": ("uvicorn",),
    "queues-threaded": ("uvicorn",),
    "bare": ("uvicorn",),
    "dash-pipe-endpoint": ("dash_pipe", "uvicorn"),
}


def missing(name: str) -> list[str]:
    """Return the packages or programs that are missing to measure `name`."""
    if str(HERE.parent) not in sys.path:
        sys.path.append(str(HERE.parent))
    absent = [module for module in NEEDS[name] if find_spec(module) is None]
    if name.endswith("-redis") and shutil.which("redis-server") is None:
        absent.append("redis-server")
    return absent


def is_pipe(name: str) -> bool:
    """Return whether the server is dash-pipe, so that listeners use its protocol."""
    return name.startswith("dash-pipe")


def is_app(name: str) -> bool:
    """Return whether the server is a Dash app, which is controlled over HTTP, not by lines."""
    return is_pipe(name) and name != "dash-pipe-endpoint"


def command(name: str, fd: int) -> list[str]:
    """Return the command that starts the server on the listening socket `fd`."""
    if name in ("dash-pipe", "dash-pipe-redis"):
        return [
            sys.executable,
            "-m",
            "gunicorn",
            "deployment:server",
            "--chdir",
            str(HERE),
            "--bind",
            f"fd://{fd}",
            "--worker-class",
            "sync",
            "--workers",
            "1",
        ]
    if name == "dash-pipe-uvicorn":
        quiet = ["--no-access-log", "--ws-per-message-deflate", "false"]
        where = ["--app-dir", str(HERE), "--fd", str(fd)]
        return [sys.executable, "-m", "uvicorn", "deployment:server", *where, *quiet]
    if name == "dash-pipe-dev":
        return [sys.executable, str(HERE / "deployment.py"), str(fd)]
    return [sys.executable, str(HERE / "reference.py"), name, "--fd", str(fd)]
