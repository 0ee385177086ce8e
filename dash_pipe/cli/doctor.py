"""``dash-pipe doctor``: report versions, settings and answers, with a remedy for each problem."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import fields
from http import HTTPStatus
from importlib import metadata
from urllib.parse import urljoin

from .. import runtime
from ..brokers.url import without_password
from ..client import Client, Connection, Subscription, WebSocketConnection
from ..client.local import LocalConnection
from ..errors import (
    DashPipeError,
    EndpointUnavailableError,
    ListenDeniedError,
    SettingError,
)
from ..settings import Settings
from . import remote
from .exits import Exit, Failure

TIMEOUT = 5.0  # seconds that the broker or a websocket has to answer
CHANNEL = "dash-pipe doctor"
DJANGO_ROUTE = "dpd/views"  # the default of http_route in Django
_EXTRAS = {
    "redis": "redis",
    "django": "channels",
    "server": "uvicorn",
}  # the package that each extra installs


def examine(url: str | None) -> Exit:
    """Write a report; return ``UNREACHABLE`` if something does not answer."""
    _write(f"dash-pipe {_version('dash-pipe')}", _versions())
    _write("extras", _extras())
    _write("settings in force", _settings(runtime.current().load()))
    problems = [_broker()]
    if url is not None:
        problems += _endpoint(remote.base_of(url))
    return Exit.UNREACHABLE if any(problems) else Exit.OK


def _write(title: str, lines: Iterable[str]) -> None:
    sys.stdout.write("\n  ".join([title, *lines]) + "\n")
    sys.stdout.flush()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _versions() -> list[str]:
    packages = ("dash", "websockets", "flask", "fastapi", "quart", "gunicorn")
    found = [f"{package} {version}" for package in packages if (version := _version(package))]
    return [f"Python {platform.python_version()} on {platform.system()}", ", ".join(found)]


def _extras() -> Iterable[str]:
    for extra, package in _EXTRAS.items():
        version = _version(package)
        missing = f"{package} is not installed: pip install 'dash-pipe[{extra}]'"
        yield f"{extra}: {package} {version}" if version else f"{extra}: {missing}"


def _settings(settings: Settings) -> Iterable[str]:
    for each in fields(settings):
        value = getattr(settings, each.name)
        mark = "" if value == each.default else "  (changed)"
        if not each.repr and value is not None:
            value = "(set, and not shown)"
        elif isinstance(value, str):
            value = without_password(value) if each.name == "broker" else value
        yield f"{each.name} = {value}{mark}"


def _broker() -> str | None:
    """Report whether the broker answers; return the problem, if there is one."""
    if runtime.current().settings.keeps_messages_in_memory:
        _write(
            "broker",
            [
                "memory://, the memory of one process: works for an app that runs as one process",
                "for several workers, Celery or this command line: DASH_PIPE_BROKER=redis://...",
            ],
        )
        return None
    try:
        problem, took = _subscribe(LocalConnection(runtime.current()))
    except SettingError as error:  # the package is missing, or no broker has this URL
        _write("broker", [str(error)])
        return str(error)
    except DashPipeError as error:
        problem, took = str(error), ""
    remedy = "is it running, and is DASH_PIPE_BROKER its address?"
    _write("broker", [f"does not answer ({problem}); {remedy}" if problem else took])
    return problem


def _endpoint(url: str) -> list[str | None]:
    """Report what a running app or gateway answers; return the problems."""
    try:
        status, info = remote.request(f"{url}info")
        websocket = _websocket(url)
        poke = _poke(url)
    except Failure as failure:
        _write(url, [str(failure), "is it running, and is this its address and port?"])
        return [str(failure)]
    lines = [f"info: {_shown(info)}"]
    problem = None
    if "protocol" not in info:
        problem = info.get("error") or info.get("reason") or remote.not_an_endpoint()
    elif status != HTTPStatus.OK:
        problem = str(info.get("status"))
    if problem:
        lines[0] = f"info: HTTP {status}; {problem}"
    if websocket is None:
        lines.append("websocket: opens")
    else:
        remedy = info.get("reason") or "does a proxy pass on the headers Upgrade and Connection?"
        lines.append(f"websocket: {websocket}; {remedy}")
    _write(url, [*lines, poke])
    return [problem, websocket]


def _poke(base: str) -> str:
    """Report whether poke takes messages: below the base, or else at the route of a Django project.

    Raises:
        Failure: no server answers.
    """
    route = runtime.current().settings.http_route or DJANGO_ROUTE
    for address in (f"{base}poke/", urljoin(base, f"/{route.strip('/')}/poke/")):
        status, answer = remote.request(address, b"[]", remote.poke_headers())
        if status == HTTPStatus.OK:
            return "poke: accepts messages"
        if reason := answer.get("error"):
            return f"poke: HTTP {status}; {reason}"
    return f"poke: HTTP {status}; no poke here, or http_poke_enabled is off"


def _websocket(base: str) -> str | None:
    """Return the problem with a websocket, if there is one."""
    try:
        return _subscribe(WebSocketConnection(base))[0]
    except EndpointUnavailableError as error:
        return str(error)


def _subscribe(connection: Connection) -> tuple[str | None, str]:
    """Subscribe; return the problem if there is one, and the time of the answer if there is one."""
    client = Client(Subscription(CHANNEL))
    started = time.monotonic()
    try:
        with connection:
            for frame in client.opened(started):
                connection.send(frame)
            client.received(connection.receive(TIMEOUT), time.monotonic())
    except TimeoutError:
        return f"timed out after {TIMEOUT:g} seconds", ""
    except ListenDeniedError:  # an answer, too: the app guards its channels
        pass
    return None, f"answers in {(time.monotonic() - started) * 1000:.0f} ms"


def _shown(info: dict[str, object]) -> str:
    return ", ".join(
        f"{name} {info[name]}" for name in ("status", "version", "websocket") if name in info
    )
