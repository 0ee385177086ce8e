"""A server in its own process, running one of the apps of tests/apps."""

import http.client
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import trustme

from harness.child import START_TIMEOUT, Child, Service
from harness.environment import environment
from harness.port import Port

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ROOT / "tests" / "apps"
CURRENT_PYTHON = sys.executable
OLDEST_PYTHON = str(ROOT / ".venv-oldest" / "bin" / "python")

DPD_PYTHON = str(ROOT / ".venv-dpd" / "bin" / "python")

RUN = "from {module} import app; app.run(host='127.0.0.1', port={port})"
# As on Windows, where a socket is no file descriptor.
THREADS = "from dash_pipe.transports import takeover; takeover.is_descriptor = lambda sock: False; "
GUNICORN = (
    "-m",
    "gunicorn",
    "{module}:server",
    "--bind=127.0.0.1:{port}",
    "--workers=1",
    "--no-control-socket",  # it would be a file in the home directory
)

# Every way to serve an app: the interpreter and its arguments, with {module} and {port}.
HOSTS: dict[str, tuple[str, ...]] = {
    "werkzeug": (CURRENT_PYTHON, "-c", RUN),
    "gunicorn-sync": (CURRENT_PYTHON, *GUNICORN),
    "gunicorn-two": (CURRENT_PYTHON, *GUNICORN, "--workers=2"),
    "gunicorn-gthread": (CURRENT_PYTHON, *GUNICORN, "--threads=4"),
    "gunicorn-preload": (CURRENT_PYTHON, *GUNICORN, "--preload"),
    "gunicorn-max-requests": (CURRENT_PYTHON, *GUNICORN, "--max-requests=40"),
    "gunicorn-timeout": (CURRENT_PYTHON, *GUNICORN, "--timeout=2"),
    "gunicorn-gevent": (CURRENT_PYTHON, *GUNICORN, "-kgevent"),
    "werkzeug-threads": (CURRENT_PYTHON, "-c", THREADS + RUN),
    "waitress": (CURRENT_PYTHON, "-m", "waitress", "--listen=127.0.0.1:{port}", "{module}:server"),
    "gunicorn-tls": (CURRENT_PYTHON, *GUNICORN, "--certfile={certificate}", "--keyfile={key}"),
    "werkzeug-oldest": (OLDEST_PYTHON, "-c", RUN),
    "script": (CURRENT_PYTHON, "{module}.py"),  # Dash reads the port from PORT
}

UVICORN = (
    "-m",
    "uvicorn",
    "{module}:server",
    "--port={port}",
    "--ws-per-message-deflate=false",
)
HOSTS["uvicorn"] = (CURRENT_PYTHON, *UVICORN)
HOSTS["uvicorn-flask"] = HOSTS["uvicorn"]  # with something around the app
HOSTS["uvicorn-reload"] = (*HOSTS["uvicorn"], "--reload", "--reload-include={module}.py")
HOSTS["uvicorn-two"] = (CURRENT_PYTHON, *UVICORN, "--workers=2")
HOSTS["gunicorn-uvicorn"] = (CURRENT_PYTHON, *GUNICORN, "-kuvicorn_worker.UvicornWorker")
# A replaced worker waits all this time for open websockets; the default is 30 s.
HOSTS["gunicorn-asgi"] = (CURRENT_PYTHON, *GUNICORN, "-kasgi", "--graceful-timeout=2")
HOSTS["hypercorn"] = (CURRENT_PYTHON, "-m", "hypercorn", "{module}:server", "-b127.0.0.1:{port}")
HOSTS["daphne"] = (CURRENT_PYTHON, "-m", "daphne", "-p{port}", "{module}:server")

# As in its gunicorn.conf.py.
HOSTS["gunicorn-configured"] = (CURRENT_PYTHON, *GUNICORN[:4], "--no-control-socket")
# A Django project, each half of it; and one of django-plotly-dash.
HOSTS["dpd"] = (DPD_PYTHON, "-m", "daphne", "-p{port}", "{module}.asgi:application")
DJANGO = tuple(part.replace("{module}:server", "{module}.asgi:application") for part in UVICORN)
HOSTS["django-uvicorn"] = (CURRENT_PYTHON, *DJANGO)
HOSTS["django-daphne"] = (CURRENT_PYTHON, *HOSTS["dpd"][1:])
HOSTS["django-runserver"] = (CURRENT_PYTHON, "manage.py", "runserver", "127.0.0.1:{port}")
HOSTS["django-hypercorn"] = (
    CURRENT_PYTHON,
    "-m",
    "hypercorn",
    "{module}.asgi:application",
    "-b127.0.0.1:{port}",
)
HOSTS["django-wsgi"] = (
    CURRENT_PYTHON,
    "-m",
    "gunicorn",
    "{module}.wsgi:application",
    *GUNICORN[3:],
    "--threads=4",
)

# No app: the endpoint alone.
HOSTS["gateway"] = (CURRENT_PYTHON, "-m", "dash_pipe", "serve", "--port={port}")

# The browser tests run on all of these.
WSGI = ("werkzeug", "gunicorn-sync", "gunicorn-gthread", "gunicorn-gevent", "waitress")
ASGI = ("uvicorn", "hypercorn", "gunicorn-uvicorn")

# The backends of hosts that don't serve Flask, for tests/apps/recorder.py.
BACKENDS = {
    "uvicorn": "fastapi",
    "uvicorn-two": "fastapi",
    "uvicorn-reload": "fastapi",
    "gunicorn-uvicorn": "fastapi",
    "gunicorn-asgi": "fastapi",
    "daphne": "fastapi",
    "hypercorn": "quart",
}
# Hosts that can't open a websocket: their pages poll.
POLLING = ("waitress", "gunicorn-tls")
ON_PURPOSE = ".OnPurposeError\n"  # the last line of the traceback of tests/apps/pacing.py


class Server(Service):
    """One app on one host and port, from start() to stop(); also a context manager.

    The port stays the same over restarts, and so does `log`, the file of standard output and error.
    `python` replaces the interpreter of the table, `options` are additional arguments, `directory`
    contains the module, and `settings` are variables of its environment.
    """

    def __init__(
        self,
        host: str,
        module: str,
        log: Path,
        *,
        python: str | None = None,
        options: Sequence[str] = (),
        directory: Path = APPS,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        interpreter, *arguments = HOSTS[host]
        self.host = host
        self._port = Port()  # kept over restarts
        self.port = self._port.number
        self.log = log
        self._interpreter = python or interpreter
        self.scheme = "https" if any("{key}" in one for one in arguments) else "http"
        fields = {"module": module, "port": self.port}
        if self.scheme == "https":
            fields |= make_certificate(log.parent)
        self._arguments = [*(one.format_map(fields) for one in arguments), *options]
        self._directory = directory
        self.settings = dict(settings or {})  # as environment variables; read at the next start

    @property
    def url(self) -> str:
        """Return the root URL of the server, without a slash at the end."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Return the id of the started process; gunicorn's workers are its children."""
        return self.child.pid

    def start(self) -> None:
        """Start the process; return as soon as it answers HTTP."""
        assert Path(self._interpreter).exists(), f"no {self._interpreter}; `make old` installs it"
        self._child = Child(
            self.host,
            [self._interpreter, *self._arguments],
            self.log,
            environment(
                {
                    "BACKEND": BACKENDS.get(self.host, "flask"),
                    "PORT": str(self.port),
                    **self.settings,
                }
            ),
            self._directory,  # `-c` and gunicorn look for the module there
        )
        # An accepted connection is not enough: gunicorn listens before its worker has imported
        # the app. Any HTTP status will do, since the root need not exist.
        self.child.wait_until(lambda: answers_http(self.port, self.scheme))

    def expect_end(self) -> None:
        """Note that the test itself ends the process."""
        self.child.expect_end()

    def log_text(self) -> str:
        """Return all the server's output so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def tracebacks(self, since: int = 0) -> list[str]:
        """Return the tracebacks in the server's log, from a character of it on.

        Leave out those that an app raises on purpose, and hypercorn's own: on Python 3.11 it
        writes one for each connection that it cancels at its end.
        """
        _, *parts = self.log_text()[since:].split("Traceback (most recent call last):")
        others = (ON_PURPOSE, "hypercorn/asyncio/run.py")
        return [part for part in parts if not any(other in part for other in others)]


def answers_http(port: int, scheme: str = "http") -> bool:
    """Return whether a request to the port gets an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT)
    if scheme == "https":
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=START_TIMEOUT, context=trusting()
        )
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()


def accepts(port: int) -> bool:
    """Return whether something accepts connections on the port."""
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def trusting() -> ssl.SSLContext:
    """Return a context that accepts any certificate, like the tests' browsers."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def make_certificate(directory: Path) -> dict[str, str]:
    """Make a self-signed certificate; return the paths of it and its key."""
    issued = trustme.CA().issue_cert("127.0.0.1")
    files = {"certificate": directory / "certificate.pem", "key": directory / "key.pem"}
    issued.cert_chain_pems[0].write_to_path(files["certificate"])
    issued.private_key_pem.write_to_path(files["key"])
    return {name: str(path) for name, path in files.items()}
