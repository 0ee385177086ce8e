"""nginx in front of servers, with a given configuration."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from harness.child import Child, Service
from harness.environment import environment
from harness.port import Port
from harness.server import answers_http

# In the foreground, with all its files in the working directory.
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

# As without a configuration for websockets: it rejects upgrades.
UNAWARE = """
server {
    listen 127.0.0.1:80;
    location / {
        proxy_pass http://127.0.0.1:8000;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }
}
"""


class Nginx(Service):
    """One nginx.

    `config` is the content of its http block; it listens at least on 127.0.0.1:`port`.
    """

    def __init__(self, config: str, port: Port, directory: Path, scheme: str = "http") -> None:
        self._port = port
        self._scheme = scheme
        self._directory = directory
        file = directory / "nginx.conf"
        # Its workers write to the directory, which only we may read.
        user = "user root;" if os.geteuid() == 0 else ""
        file.write_text(f"{user}{CONFIG}{config}}}\n")
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "nginx is not on PATH; `make nginx` helps"
        self._command = [program, "-p", f"{directory}/", "-c", str(file), "-e", "stderr"]

    @property
    def url(self) -> str:
        """Return the root URL of the servers behind it."""
        return f"{self._scheme}://127.0.0.1:{self._port.number}"

    def start(self) -> None:
        """Start nginx; return as soon as it answers HTTP."""
        log = self._directory / "log"
        self._child = Child("nginx", self._command, log, environment())
        self.child.wait_until(lambda: answers_http(self._port.number, self._scheme))


def filled(text: str, values: Mapping[str, object]) -> str:
    """Return a configuration with each key replaced by its value for this machine.

    Each key must be in the configuration.
    """
    for there, here in values.items():
        assert there in text, f"{there!r} is not in\n{text}"
        text = text.replace(there, str(here))
    return text
