"""Make the generated files of dash_pipe, or check that the committed ones are current.

They are committed so that `pip install` works without Node. Both modes build in a copy of the
sources: a check does not change the tree, and a failed build leaves no partial files.
"""

import argparse
import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = (
    *("Pipe.py", "_imports_.py", "proptypes.js"),
    *("dash_pipe.min.js", "fallback.min.js", "dpd_bridge.min.js", "package-info.json"),
    "django/static/dash_pipe/dpd_page_socket.min.js",
)


def generate(copy: Path) -> Path:
    """Build in an empty directory; return the package directory with the fresh files."""
    for source in (
        "package.json",
        "tsconfig.json",
        *[p.name for p in ROOT.glob("webpack.config.*")],
    ):
        shutil.copy(ROOT / source, copy)
    shutil.copytree(ROOT / "src", copy / "src")
    (copy / "node_modules").symlink_to(ROOT / "node_modules")
    package = copy / "dash_pipe"
    package.mkdir()
    # dash-generate-components is next to this Python, which may be missing on PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for script in ("build", "generate"):
        command = ["npm", "run", "--silent", script]
        done = subprocess.run(
            command, cwd=copy, env={**os.environ, "PATH": path}, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"`npm run {script}` failed:\n{done.stdout}{done.stderr}")
    return package


def stale(fresh: Path) -> list[str]:
    """Return the names of the committed files that differ from the fresh ones."""
    _, differing, absent = filecmp.cmpfiles(fresh, ROOT / "dash_pipe", FILES, shallow=False)
    return sorted(differing + absent)


def main() -> None:
    """Write the files; with --check fail if one of them is stale."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when stale")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as directory:
        fresh = generate(Path(directory))
        names = stale(fresh)
        if check and names:
            sys.exit(f"stale: {', '.join(names)} in dash_pipe. Run `make build` and commit.")
        for name in names:
            (ROOT / "dash_pipe" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(fresh / name, ROOT / "dash_pipe" / name)
            print(f"wrote dash_pipe/{name}")


if __name__ == "__main__":
    main()
