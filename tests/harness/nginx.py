"""nginx before a server: untold of websockets, which it refuses then, or told what goes where."""

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from harness.server import answers_http, free_port
from harness.wait import wait_for

STOP_TIMEOUT = 10.0

WEBSOCKET = """
        location {path} {{
            proxy_pass http://127.0.0.1:{target};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection upgrade;
        }}
"""
FILES = """
        location {path} {{
            alias {directory}/;
            types {{ text/css css; application/javascript js; }}
        }}
"""

# In the foreground, and with every file of its own in the working directory.
CONFIG = """
daemon off;
{user}
worker_processes 1;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    scgi_temp_path scgi;
    uwsgi_temp_path uwsgi;
    server {{
        listen 127.0.0.1:{port};
        {locations}
        location / {{
            proxy_pass http://127.0.0.1:{target};
            proxy_set_header Host $http_host;
        }}
    }}
}}
"""


class Nginx:
    """Stands before a server on 127.0.0.1:`target`; a context manager, running while inside.

    `locations` are blocks of its configuration, for what does not go there as a plain request.
    """

    def __init__(self, target: int, directory: Path, locations: str = "") -> None:
        self._port = free_port()
        self._directory = directory
        config = directory / "nginx.conf"
        # Its workers would be nobody, who can't read the files of a test that is root.
        user = "user root;" if os.geteuid() == 0 else ""
        config.write_text(
            CONFIG.format(port=self._port, target=target, locations=locations, user=user)
        )
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "nginx is not on PATH; `make nginx` helps"
        self._command = [program, "-p", f"{directory}/", "-c", str(config), "-e", "stderr"]

    @property
    def url(self) -> str:
        """The root of what is behind it, seen through it."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        wait_for(lambda: answers_http(self._port), "nginx to be up")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(STOP_TIMEOUT)
