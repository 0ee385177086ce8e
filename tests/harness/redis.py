"""A Redis server of a test, which can stop it, kill it and remove its data."""

import os
import shutil
import signal
from pathlib import Path
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from harness.child import STOP_TIMEOUT, Child, Service
from harness.environment import environment
from harness.port import Port


class RedisServer(Service):
    """One server on 127.0.0.1, from start() to stop(); a context manager.

    The port and the directory with its data stay the same over restarts. Arguments are options of
    redis-server. REDIS_SERVER names another binary to test.
    """

    def __init__(self, directory: Path, *options: str) -> None:
        self._port = Port()  # kept over restarts
        self.port = self._port.number
        self.directory = directory
        self._options = options
        directory.mkdir(parents=True, exist_ok=True)

    def __exit__(self, *_: object) -> None:
        self.kill9()

    @property
    def url(self) -> str:
        """Return the URL for clients."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server; return as soon as it answers."""
        binary = os.environ.get("REDIS_SERVER") or shutil.which("redis-server")
        assert binary, "redis-server is not on PATH; `make redis` helps"
        self._child = Child(
            "Redis",
            [
                binary,
                f"--port {self.port}",
                "--bind 127.0.0.1",
                f"--dir {self.directory}",
                "--save ''",
                "--hz 50",  # looks for expired keys more often than by default
                *self._options,
            ],
            self.directory / "log",
            environment(),
        )
        self.child.wait_until(self._answers)

    def pause(self) -> None:
        """Stop its answers until resume()."""
        self.child.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it answer again."""
        self.child.send_signal(signal.SIGCONT)

    def forget(self) -> None:
        """Remove the data of a server that is not running."""
        for file in {*self.directory.glob("**/*.rdb"), *self.directory.glob("**/*.aof*")}:
            file.unlink()

    def ask(self, *command: Any) -> Any:
        """Execute a command, and return the reply."""
        with Redis(port=self.port, decode_responses=True, socket_timeout=STOP_TIMEOUT) as client:
            return client.execute_command(*command)

    def save(self) -> None:
        """Write the data to disk, to return to them with roll_back()."""
        self.ask("SAVE")

    def roll_back(self) -> None:
        """Kill the server, and start it with the data of the last save()."""
        self.kill9()
        self.start()

    def lose_all(self) -> None:
        """Kill the server, and start it without data."""
        self.kill9()
        self.forget()
        self.start()

    def tear(self, size: int) -> None:
        """Remove the last bytes of the append-only file of a server that is not running.

        As after a power failure: bytes that were written but not synced are missing.
        """
        # Redis 6.2 has one file, later ones a directory.
        files = [self.directory / "appendonly.aof", *self.directory.glob("*/*.incr.aof")]
        file = max(one for one in files if one.exists())
        os.truncate(file, max(0, file.stat().st_size - size))

    def keys(self) -> list[str]:
        """Return the names of all keys."""
        return sorted(self.ask("KEYS", "*"))

    def clients(self) -> list[str]:
        """Return Redis' facts about each connection, except the one of this request."""
        lines = self.ask("CLIENT", "LIST")
        text = lines if isinstance(lines, str) else "\n".join(map(str, lines))
        return [line for line in text.splitlines() if "cmd=client" not in line]

    def _answers(self) -> bool:
        try:
            return bool(self.ask("PING"))
        except RedisError:
            return False
