"""Building and installing the distribution: commands with nothing of this machine around them."""

import shutil
import subprocess
import sys
from pathlib import Path

from harness.environment import environment, installing
from harness.server import ROOT

CONSTRAINTS = ROOT / "constraints"
# No Node either; and the releases that the other tests have.
BARE = installing({"PATH": "", "PIP_CONSTRAINT": str(CONSTRAINTS / "build.txt")})


def run(*command: str | Path) -> str:
    """Run a command that has to succeed; return what it prints."""
    done = subprocess.run(
        [str(part) for part in command], env=BARE, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def checkout(directory: Path) -> Path:
    """Copy what git knows of this checkout, so that nothing left by an earlier build is in it."""
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
    """Build a wheel: of an sdist, which stays beside it, or with `--wheel` of the source itself."""
    run(sys.executable, "-m", "build", *options, "--outdir", directory, source)
    (wheel,) = directory.glob("*.whl")
    return wheel
