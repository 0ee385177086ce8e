"""Measure the structure of the code, and print it as a table.

A room is a folder of `dash_pipe`, or a file in its root. An arrow is an import of one room by
another. A circle is a set of rooms that reach each other. `tests/unit/test_imports.py` has the
floors that the rooms should have.
"""

import argparse
import ast
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {"dash_pipe/Pipe.py", "dash_pipe/_imports_.py"}
PYTHON = ("dash_pipe", "benchmarks", "examples", "tests", "tools", "setup.py", "usage.py")
TYPESCRIPT = ("src", "tests/js")
SMALL_FILE = 50
LONGEST_FUNCTION = 40
SHOWN = 5  # the largest functions of each language

Graph = dict[str, set[str]]


class Function(NamedTuple):
    """A function or a method: where it is, and how many lines it has."""

    lines: int
    place: str
    name: str


class Structure(NamedTuple):
    """The numbers of a tree."""

    files: int
    small: int
    folders: int
    graph: Graph
    up: list[str]
    python: list[Function]
    typescript: list[Function]


def sources(root: Path, places: Iterable[str], pattern: str) -> list[Path]:
    """Return the files of some places that are written by hand."""
    found = []
    for place in (root / name for name in places):
        found += [place] if place.is_file() else sorted(place.rglob(pattern))
    return [path for path in found if path.relative_to(root).as_posix() not in GENERATED]


def imported(path: Path, package: Path) -> Iterator[str]:
    """Yield the rooms that a file imports from, anywhere in the file."""
    home = path.relative_to(package).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = home[: len(home) - node.level + 1]
        for name in [node.module] if node.module else [alias.name for alias in node.names]:
            yield (*base, *name.split("."))[0]


def arrows(package: Path, files: list[Path]) -> Graph:
    """Return the rooms that each room imports from. `__init__.py` of the root is no room."""
    graph: Graph = {}
    for path in files:
        if path != package / "__init__.py":
            room = path.relative_to(package).with_suffix("").parts[0]
            graph.setdefault(room, set()).update(set(imported(path, package)) - {room})
    return {room: names & graph.keys() for room, names in graph.items()}


def reachable(graph: Graph, start: str) -> set[str]:
    """Return the rooms that a room reaches over one arrow or more."""
    seen: set[str] = set()
    ahead = [start]
    while ahead:
        new = graph[ahead.pop()] - seen
        seen |= new
        ahead += new
    return seen


def circles(graph: Graph) -> list[list[str]]:
    """Return the sets of rooms that reach each other."""
    reach = {room: reachable(graph, room) for room in graph}
    found = {
        tuple(sorted(other for other in reach[room] if room in reach[other]))
        for room in graph
        if room in reach[room]
    }
    return sorted(map(list, found))


def levels(graph: Graph) -> int:
    """Return how many floors the arrows need: the longest way down, in rooms."""
    left = {room: set(names) for room, names in graph.items()}
    floors = 0
    while left:
        free = {room for room, names in left.items() if not names & left.keys()}
        if not free:
            break  # what is left is a circle, or above one
        floors += 1
        left = {room: names for room, names in left.items() if room not in free}
    return floors


def arrows_up(graph: Graph, floors: list[set[str]]) -> list[str]:
    """Return the arrows that do not lead to a lower floor."""
    floor = {name: number for number, names in enumerate(floors) for name in names}
    return sorted(
        f"{room} -> {name}"
        for room, names in graph.items()
        for name in names
        if floor.get(name, len(floors)) >= floor.get(room, -1)
    )


def declared_floors(test: Path) -> list[set[str]]:
    """Read the list FLOORS of the test of the imports.

    Raises:
        LookupError: The test has no such list.
    """
    for node in ast.parse(test.read_text("utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id == "FLOORS" for target in targets):
            assert isinstance(node, ast.Assign)
            return [set(names) for names in ast.literal_eval(node.value)]
    raise LookupError(f"expected a list FLOORS in {test}, found none")


def python_functions(root: Path, files: list[Path]) -> list[Function]:
    """Return the functions of Python files, the largest first."""
    found = []
    for path in files:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                place = f"{path.relative_to(root).as_posix()}:{node.lineno}"
                found.append(Function(lines, place, node.name))
    return sorted(found, reverse=True)


def typescript_functions(root: Path, files: list[Path]) -> list[Function]:
    """Return the functions of TypeScript files, the largest first. Needs `node_modules`."""
    names = [path.relative_to(root).as_posix() for path in files]
    command = ["node", str(ROOT / "tools" / "functions.js"), *names]
    printed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    found = json.loads(printed)
    return sorted(
        (Function(one["lines"], f"{one['file']}:{one['line']}", one["name"]) for one in found),
        reverse=True,
    )


def measure(root: Path) -> Structure:
    """Measure the tree below a folder."""
    package = root / "dash_pipe"
    files = sources(root, ["dash_pipe"], "*.py")
    graph = arrows(package, files)
    floors = declared_floors(root / "tests" / "unit" / "test_imports.py")
    return Structure(
        files=len(files),
        small=sum(len(path.read_text("utf-8").splitlines()) < SMALL_FILE for path in files),
        folders=sum((package / room).is_dir() for room in graph),
        graph=graph,
        up=arrows_up(graph, floors),
        python=python_functions(root, sources(root, PYTHON, "*.py")),
        typescript=typescript_functions(root, sources(root, TYPESCRIPT, "*.ts*")),
    )


def table(found: Structure) -> Iterator[str]:
    """Yield the lines of the table."""
    rooms, round_trips = len(found.graph), circles(found.graph)
    yield f"files of dash_pipe        {found.files}"
    yield f"  under {SMALL_FILE} lines          {found.small}"
    yield f"rooms                     {rooms}"
    yield f"  folders                 {found.folders}"
    yield f"  files in the root       {rooms - found.folders}"
    yield f"arrows between rooms      {sum(map(len, found.graph.values()))}"
    yield f"floors                    {levels(found.graph)}"
    yield f"circles                   {len(round_trips)}"
    yield from (f"  {', '.join(names)}" for names in round_trips)
    yield f"arrows that run up        {len(found.up)}"
    yield from (f"  {arrow}" for arrow in found.up)
    for language in ("python", "typescript"):
        functions: list[Function] = getattr(found, language)
        long = [one for one in functions if one.lines > LONGEST_FUNCTION]
        title = f"{language} functions over {LONGEST_FUNCTION}"
        yield f"{title:<30} {len(long)} of {len(functions)}"
        for one in functions[: max(SHOWN, len(long))]:
            yield f"  {one.lines:>4} lines  {one.name}  {one.place}"


def faults(found: Structure) -> list[str]:
    """Return a sentence for each fault of the structure."""
    texts = [f"rooms import each other: {', '.join(names)}" for names in circles(found.graph)]
    texts += [f"an import runs up: {arrow}" for arrow in found.up]
    texts += [
        f"{one.place}: {one.name} has {one.lines} lines, the maximum is {LONGEST_FUNCTION}"
        for one in found.python + found.typescript
        if one.lines > LONGEST_FUNCTION
    ]
    return texts


def main() -> None:
    """Print the table; with --check fail on a circle, an import upwards or a long function."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="fail if the structure is wrong")
    parser.add_argument("--root", type=Path, default=ROOT, help="measure another checkout")
    options = parser.parse_args()
    found = measure(options.root.resolve())
    print(*table(found), sep="\n")
    if options.check and (messages := faults(found)):
        sys.exit("\n".join(["", *messages]))


if __name__ == "__main__":
    main()
