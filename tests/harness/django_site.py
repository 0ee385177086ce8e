"""The Django example with Redis: behind nginx, all on Daphne or the websocket alone; or alone."""

import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from typing_extensions import Self

from harness.celery import CeleryWorker
from harness.environment import environment
from harness.nginx import Nginx
from harness.port import Port
from harness.redis import RedisServer
from harness.server import CURRENT_PYTHON, ROOT, Server

EXAMPLE = ROOT / "examples" / "django_live"
WS_ROUTE = "/dpd/ws/channel"
TOKEN = "only-for-tests"

BEHIND_NGINX = ("daphne", "gunicorn and daphne")
# As in development: with DEBUG, and static files from Django.
ALONE = ("uvicorn", "hypercorn", "runserver")

NGINX = """
server {{
    listen 127.0.0.1:{port};
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    location {route} {{
        proxy_http_version 1.1;
        proxy_set_header Connection upgrade;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header Upgrade $http_upgrade;
        proxy_pass http://127.0.0.1:{asgi};
    }}
    location /dpd/views/ {{ proxy_pass http://127.0.0.1:{asgi}; }}
    location /static/ {{
        alias {static}/;
        types {{ text/css css; application/javascript js; }}
    }}
    location / {{ proxy_pass http://127.0.0.1:{other}; }}
}}
"""


class DjangoSite:
    """The whole site in its own directory; a context manager."""

    def __init__(
        self, layout: str, directory: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        self.host = layout
        self._directory = directory
        self._stack = ExitStack()
        self._redis = RedisServer(directory / "redis")
        self._settings = {
            "DJANGO_SETTINGS_MODULE": "live.settings",
            "LIVE_DATABASE": str(directory / "db.sqlite3"),
            "LIVE_DEBUG": str(int(layout in ALONE)),
            "LIVE_STATIC": str(directory / "static"),
            "LIVE_POKE_TOKEN": TOKEN,
            "REDIS_URL": self._redis.url,
            **(settings or {}),
        }
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        with self._stack:  # ends the started processes if the rest fails
            self._stack.enter_context(self._redis)
            self.manage("migrate", "--verbosity=0")
            self.manage("demo_user")
            asgi = self._serve(f"django-{self.host.split()[-1]}")
            self.url = asgi.url if self.host in ALONE else self._put_nginx_before(asgi)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def manage(self, *arguments: str) -> str:
        """Run a management command in its own process."""
        done = subprocess.run(
            [CURRENT_PYTHON, "manage.py", *arguments],
            cwd=EXAMPLE,
            env=environment(self._settings),
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log_text(self) -> str:
        """Return the output of the servers."""
        return "".join(server.log_text() for server in self._servers)

    def tracebacks(self, since: int = 0) -> list[str]:
        """Return the tracebacks in the output of the servers."""
        return [each for server in self._servers for each in server.tracebacks(since)]

    def worker(self) -> CeleryWorker:
        """Return a Celery worker of the project."""
        return CeleryWorker("live", EXAMPLE, self._directory / "celery.log", self._settings)

    def _put_nginx_before(self, asgi: Server) -> str:
        """Start nginx, which serves the static files; return its address."""
        self.manage("collectstatic", "--no-input", "--verbosity=0")
        other = asgi if self.host == "daphne" else self._serve("django-wsgi")
        port = Port()
        static = self._directory / "static"
        config = NGINX.format(
            port=port.number, route=WS_ROUTE, asgi=asgi.port, other=other.port, static=static
        )
        directory = self._directory / "nginx"
        directory.mkdir()
        return self._stack.enter_context(Nginx(config, port, directory)).url

    def _serve(self, host: str) -> Server:
        log = self._directory / f"{host}.log"
        server = Server(host, "live", log, directory=EXAMPLE, settings=self._settings)
        self._servers.append(server)
        return self._stack.enter_context(server)
