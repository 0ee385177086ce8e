"""Write constraints/<group>.txt for groups of dependencies, and constraints/build.txt.

Each has the newest releases that fit together, resolved for all supported Pythons at once. If a
Python needs another release, the line has a marker, and pip skips lines whose marker does not
match. A line names a release, but no index and no hash, so that any index can be used. Run by
`make constraints`, in its own environment.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = "3.10"  # requires-python in pyproject.toml
HEADER = "# Made by `make constraints`: the releases that the tests are run with.\n"

# The packages that build and install this one: the first pip that knows --build-constraint.
BUILD = "pip>=25.3\nsetuptools>=77\nwheel\n"


def resolve(*arguments: str, text: str | None = None) -> str:
    """Return the releases that fit, one a line."""
    command = "-m uv pip compile --universal --no-annotate --no-header --quiet"
    command += f" --no-emit-index-url --no-emit-find-links --python-version={OLDEST}"
    found = subprocess.run(
        [sys.executable, *command.split(), *arguments],
        cwd=ROOT,
        input=text,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return HEADER + found.stdout


def write(name: str, text: str) -> None:
    """Write a file, and print its name and its number of releases."""
    file = ROOT / "constraints" / f"{name}.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    print(f"{file.relative_to(ROOT)}: {text.count('==')} releases")


for group in sys.argv[1:]:
    write(group, resolve(f"--group={group}", "pyproject.toml"))
write("build", resolve("-", text=BUILD))
