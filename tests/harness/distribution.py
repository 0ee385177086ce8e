"""Build and install the distribution with commands that inherit nothing from this machine."""

import shutil
import subprocess
import sys
from pathlib import Path

from harness.environment import environment, installing
from harness.server import ROOT

CONSTRAINTS = ROOT / "constraints"
# No Node either; with the same releases as the other tests.
BARE = installing({"PATH": "", "PIP_CONSTRAINT": str(CONSTRAINTS / "build.txt")})


def run(*command: str | Path) -> str:
    """Run a command that must succeed; return its output."""
    done = subprocess.run(
        [str(part) for part in command], env=BARE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def checkout(directory: Path) -> Path:
    """Copy the files that git tracks, so that nothing of an earlier build is included."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, directory / name)
    return directory


def build(source: Path, directory: Path, *options: str) -> Path:
    """Build a wheel from an sdist, which stays next to it; with `--wheel` from the source."""
    run(sys.executable, "-m", "build", *options, "--outdir", directory, source)
    (wheel,) = directory.glob("*.whl")
    return wheel
