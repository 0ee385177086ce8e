"""What can be measured: the servers, what each of them needs, and how it is started."""

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
    """What would have to be installed before `name` can be measured."""
    if str(HERE.parent) not in sys.path:
        sys.path.append(str(HERE.parent))
    absent = [module for module in NEEDS[name] if find_spec(module) is None]
    if name.endswith("-redis") and shutil.which("redis-server") is None:
        absent.append("redis-server")
    return absent


def is_pipe(name: str) -> bool:
    """Whether the server is dash-pipe, so that its listeners speak its protocol."""
    return name.startswith("dash-pipe")


def is_app(name: str) -> bool:
    """Whether the server is a Dash app, which is spoken to over HTTP, and not by its pipes."""
    return is_pipe(name) and name != "dash-pipe-endpoint"


def command(name: str, fd: int) -> list[str]:
    """How the server is started on the listening socket `fd`."""
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
