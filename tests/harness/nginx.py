"""nginx before servers, as a configuration has it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from typing_extensions import Self

from harness.server import STOP_TIMEOUT, ServerError, answers_http
from harness.wait import wait_for

# In the foreground, and with every file of its own in the working directory.
CONFIG = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
"""

# As it is when nobody has told it of websockets: it refuses upgrades.
UNAWARE = """
server {
    listen 127.0.0.1:80;
    location / {
        proxy_pass http://127.0.0.1:8000;
        proxy_set_header Host $http_host;
    }
}
"""


class Nginx:
    """A context manager, running while inside.

    `config` is what stands in its http block, listening on 127.0.0.1:`port` among others.
    """

    def __init__(self, config: str, port: int, directory: Path, scheme: str = "http") -> None:
        self._port = port
        self._scheme = scheme
        self._directory = directory
        file = directory / "nginx.conf"
        # Its workers write to the directory, which is ours alone.
        user = "user root;" if os.geteuid() == 0 else ""
        file.write_text(f"{user}{CONFIG}{config}}}\n")
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "nginx is not on PATH; `make nginx` helps"
        self._command = [program, "-p", f"{directory}/", "-c", str(file), "-e", "stderr"]

    @property
    def url(self) -> str:
        """The root of what is behind it, seen through it."""
        return f"{self._scheme}://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_for(self._answers, "nginx to be up")
        except AssertionError:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise ServerError(f"nginx did not start:\n{(self._directory / 'log').read_text()}")
        return answers_http(self._port, self._scheme)

    def _stop(self) -> None:
        self._process.terminate()
        self._process.wait(STOP_TIMEOUT)


def filled(text: str, values: Mapping[str, object]) -> str:
    """Return a configuration with what is of this machine in the places of what stands there.

    Each key is something that has to be there.
    """
    for there, here in values.items():
        assert there in text, f"{there!r} is not in\n{text}"
        text = text.replace(there, str(here))
    return text
