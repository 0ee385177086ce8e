"""A Prometheus that scrapes one server."""

import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from harness.child import Child, Service
from harness.environment import environment
from harness.port import Port
from harness.server import answers_http

PROGRAM = shutil.which("prometheus")

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: app
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


class Prometheus(Service):
    """One Prometheus, which scrapes `/metrics` of a port every second."""

    def __init__(self, scraped: int, directory: Path) -> None:
        self._port = Port()
        self._directory = directory
        file = directory / "prometheus.yml"
        file.write_text(CONFIG.format(port=scraped))
        assert PROGRAM is not None, "prometheus is not on PATH"
        address = f"--web.listen-address=127.0.0.1:{self._port.number}"
        storage = f"--storage.tsdb.path={directory}/data"
        self._command = [PROGRAM, f"--config.file={file}", address, storage]

    def start(self) -> None:
        """Start it; return as soon as it answers."""
        self._child = Child("prometheus", self._command, self._directory / "log", environment())
        self.child.wait_until(lambda: answers_http(self._port.number))

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the result of an expression.

        Raises:
            urllib.error.HTTPError: the expression is wrong.
        """
        query = urlencode({"query": expression})
        url = f"http://127.0.0.1:{self._port.number}/api/v1/query?{query}"
        with urlopen(url, timeout=10) as answer:
            result: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return result
