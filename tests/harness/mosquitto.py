"""An MQTT broker of the test's own."""

import os
import shutil
from pathlib import Path

from harness.child import Child, Service
from harness.environment import environment
from harness.port import Port
from harness.server import accepts


class Mosquitto(Service):
    """One broker on 127.0.0.1, from start() to stop(); a context manager.

    The port stays the same over restarts. It keeps retained messages in memory only.
    """

    def __init__(self, directory: Path) -> None:
        self._port = Port()  # kept over restarts
        self.port = self._port.number
        self._log = directory / "mosquitto.log"
        self._config = directory / "mosquitto.conf"
        user = "user root\n" if os.geteuid() == 0 else ""
        text = f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{user}"
        self._config.write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Start the broker and return when it accepts connections."""
        program = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "mosquitto is not on PATH; `make mosquitto` helps"
        command = [program, "-c", str(self._config)]
        self._child = Child("mosquitto", command, self._log, environment())
        self.child.wait_until(lambda: accepts(self.port))
