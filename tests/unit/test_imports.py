"""The modules that an import loads, and the direction of imports."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dash_pipe
from harness.environment import environment

PACKAGE = Path(dash_pipe.__file__).parent
# A room, a folder or a file of the package, imports from the floors below its own. Two rooms on one
# floor don't know each other.
FLOORS = [
    {"errors", "version", "concurrency", "telemetry"},
    {"log", "permission"},
    {"protocol"},
    {"brokers", "family"},
    {"settings", "hub", "diagnostics"},
    {"runtime"},
    {"serving", "configuration"},
    {"sending", "client"},
    {"auth", "producers"},
    {"endpoint", "signing"},
    {"transports", "metrics"},
    {"frameworks"},
    {"cli", "testing", "django"},
    {"__main__"},
]
ENTRANCES = {"cli", "configuration", "django", "frameworks", "runtime", "sending", "testing"}
ENTRANCES |= {"client", "metrics", "producers", "signing", "transports"}
HEAVY = ["redis", "django", "uvicorn", "channels", "gevent", "asgiref", "websockets.client"]
HEAVY += ["websockets.sync", "websockets.asyncio", "numpy", "pandas", "ssl"]


def room(path: Path) -> str:
    """Return the room of a file."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported(path: Path) -> Iterator[str]:
    """Yield the rooms that a file imports from, anywhere in the file."""
    package = ("dash_pipe", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = package[: len(package) - node.level + 1]
            names = [node.module] if node.module else [alias.name for alias in node.names]
            for name in names:
                yield (*base, *name.split("."))[1]
        elif isinstance(node, ast.ImportFrom | ast.Import):
            module = getattr(node, "module", None)
            names = [module] if module else [alias.name for alias in node.names]
            assert not any(name.split(".")[0] == "dash_pipe" for name in names), path


def files() -> list[Path]:
    generated = {"Pipe.py", "_imports_.py"}
    found = [path for path in PACKAGE.rglob("*.py") if path.name not in generated]
    return [path for path in found if path != PACKAGE / "__init__.py"]


def test_every_module_has_a_floor() -> None:
    assert {room(path) for path in files()} == set().union(*FLOORS)


def test_imports_come_from_lower_floors_only() -> None:
    floor = {name: number for number, names in enumerate(FLOORS) for name in names}
    for path in files():
        own = room(path)
        for name in imported(path):
            assert name == own or floor[name] < floor[own], f"{path.name} imports {name}"


def test_runtime_is_looked_up_at_entry_points_only() -> None:
    """Code below the entry points gets the runtime as an argument, so a test can swap it."""
    asking = {path for path in files() if "current()" in path.read_text("utf-8")}
    assert {room(path) for path in asking} == ENTRANCES
    assert {path.name for path in asking if room(path) == "transports"} == {
        "asgi.py",
        "asgi_http.py",
    }
    swapping = {path.name for path in files() if "\n    global " in path.read_text("utf-8")}
    assert swapping == {"runtime.py"}


def test_pytest_is_imported_in_testing_only() -> None:
    with_pytest = {room(path) for path in files() if "import pytest" in path.read_text("utf-8")}
    assert with_pytest == {"testing"}


def test_imported_finds_relative_imports() -> None:
    assert {*imported(PACKAGE / "hub" / "hub.py")} >= {"brokers", "hub", "protocol", "telemetry"}
    assert set(imported(PACKAGE / "brokers" / "memory.py")) == {"log", "brokers"}
    assert set(imported(PACKAGE / "transports" / "wsgi.py")) >= {"endpoint", "transports"}


def modules_of(code: str) -> set[str]:
    code += "\nimport sys; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(found.stdout.split())


def test_import_loads_no_module_that_dash_does_not_load() -> None:
    new = modules_of("import dash, dash_pipe") - modules_of("import dash, flask")
    assert {name for name in new if name.split(".")[0] != "dash_pipe"} <= {"secrets"}


def test_import_loads_no_heavy_package() -> None:
    loaded = modules_of("import dash_pipe")
    assert loaded.isdisjoint(set(HEAVY) - modules_of("import dash, flask"))
    assert not any(name.split(".")[0] == "websockets" for name in loaded)


def test_import_of_wsgi_loads_only_sans_io_websockets() -> None:
    loaded = modules_of("import dash_pipe.transports.wsgi")
    assert "websockets.server" in loaded
    assert loaded.isdisjoint({"websockets.client", "websockets.sync", "websockets.legacy"})


def test_sending_imports_no_plotly_at_its_top() -> None:
    texts = [path.read_text("utf-8") for path in (PACKAGE / "sending").glob("*.py")]
    assert any("plotly" in text for text in texts)
    top = [ast.unparse(node) for text in texts for node in ast.parse(text).body]
    assert not any("plotly" in line for line in top if line.startswith(("import", "from")))
