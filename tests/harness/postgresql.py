"""A PostgreSQL server of the test's own."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from harness.child import Child, Service
from harness.environment import environment
from harness.port import Port

DEBIANS = "/usr/lib/postgresql"  # where Debian has the programs, by version


class PostgreSQL(Service):
    """One server on 127.0.0.1, from start() to stop(); a context manager.

    It does not run as root, so its directory is one that another user may enter.
    """

    def __init__(self, log: Path) -> None:
        self._port = Port()  # kept over restarts
        self._log = log
        self._directory = Path(tempfile.mkdtemp(prefix="dash-pipe-postgresql-"))
        self._data = self._directory / "data"
        self._user: tuple[str, ...] = ()
        if os.geteuid() == 0:
            shutil.chown(self._directory, "postgres", "postgres")
            self._user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--")
        options = ("--username=test", "--auth=trust", "--no-sync", "--no-instructions")
        subprocess.run(
            [*self._user, program("initdb"), *options, f"--pgdata={self._data}"],
            cwd=self._directory,
            env=environment(),
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=60,
        )

    def __exit__(self, *_: object) -> None:
        self.kill9()
        shutil.rmtree(self._directory)

    @property
    def dsn(self) -> str:
        """Return the connection string for clients."""
        return f"host=127.0.0.1 port={self._port.number} user=test dbname=postgres"

    def start(self) -> None:
        """Start the server; return as soon as it answers."""
        options = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off")
        self._child = Child(
            "PostgreSQL",
            [
                *(*self._user, program("postgres"), "-D", str(self._data)),
                *("-p", str(self._port.number)),
                *(word for option in options for word in ("-c", option)),
            ],
            self._log,
            environment(),
            self._directory,
        )
        self.child.wait_until(self._answers)

    def execute(self, statement: str) -> None:
        """Execute a statement in a connection of its own."""
        self._psql(statement).check_returncode()

    def _answers(self) -> bool:
        return self._psql("SELECT 1").returncode == 0

    def _psql(self, statement: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(
            [program("psql"), "--no-psqlrc", "--dbname", self.dsn, "--command", statement],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
        )


def program(name: str) -> str:
    """Return the path of a program of PostgreSQL, the newest if there are several."""
    places = sorted(Path(DEBIANS).glob("*/bin"), key=lambda place: int(place.parent.name))
    path = os.pathsep.join([*map(str, reversed(places)), os.environ["PATH"]])
    found = shutil.which(name, path=path)
    assert found, f"{name} is not on PATH; `make postgresql` helps"
    return found
