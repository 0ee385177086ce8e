"""nginx before servers, as a configuration has it."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from harness.child import Child, Service
from harness.environment import environment
from harness.port import Port
from harness.server import answers_http

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


class Nginx(Service):
    """One nginx.

    `config` is what stands in its http block, listening on 127.0.0.1:`port` among others.
    """

    def __init__(self, config: str, port: Port, directory: Path, scheme: str = "http") -> None:
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
        return f"{self._scheme}://127.0.0.1:{self._port.number}"

    def start(self) -> None:
        """Start nginx and return when it answers HTTP."""
        log = self._directory / "log"
        self._child = Child("nginx", self._command, log, environment())
        self.child.wait_until(lambda: answers_http(self._port.number, self._scheme))


def filled(text: str, values: Mapping[str, object]) -> str:
    """Return a configuration with what is of this machine in the places of what stands there.

    Each key is something that has to be there.
    """
    for there, here in values.items():
        assert there in text, f"{there!r} is not in\n{text}"
        text = text.replace(there, str(here))
    return text
