"""A temporary worktree of the checkout, with an environment that imports its files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USED = ("dash_pipe", "src", "tests", "tools")
IDENTITY = ("-c", "user.name=switched_off", "-c", "user.email=switched_off@localhost")
INTERRUPT_TIMEOUT = 60.0  # seconds, for pytest to end its servers and browsers


class Worktree:
    """The files of the checkout in another directory, and an environment for them.

    ``python`` has the packages of the checkout's environment, but imports ``dash_pipe`` from the
    worktree, also in servers that tests start in other directories and without PYTHONPATH.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        environment = root / ".venv"
        venv.create(environment, symlinks=True)
        self.python = environment / "bin" / "python"
        # The programs of installed packages are in the checkout's environment.
        programs = f"{self.python.parent}{os.pathsep}{Path(sys.executable).parent}"
        self._environ = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
        # As paths: then Python does not read the .pth file there, which leads to the checkout.
        packages = [path for path in sys.path if path.endswith("-packages")]
        own_packages = environment / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
        paths = "\n".join([str(root), *packages])
        (own_packages / "worktree.pth").write_text(paths, encoding="utf-8")
        (root / "node_modules").symlink_to(ROOT / "node_modules")

    def check(self) -> None:
        """Exit if servers would not import the package of the worktree, or if bundles are stale."""
        shown = subprocess.run(
            [self.python, "-c", "import dash_pipe; print(dash_pipe.__file__)"],
            cwd=self.root / "tests" / "apps",  # the harness starts servers there
            env={},
            capture_output=True,
            text=True,
            check=False,
        )
        if self.root not in Path(shown.stdout.strip()).parents:
            sys.exit(f"expected dash_pipe in {self.root}, got {shown.stdout}{shown.stderr}")
        checked = self.run("tools/generated.py", "--check")
        if checked.returncode:
            sys.exit(checked.stdout)

    def run(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments; interrupt it if this process is interrupted."""
        return self.execute(str(self.python), *arguments, timeout=timeout)

    def execute(self, *arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a program; interrupt it if this process is interrupted."""
        process = subprocess.Popen(
            [*arguments],
            cwd=self.root,
            env=self._environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # the terminal would interrupt it a second time
        )
        try:
            output, _ = process.communicate(timeout=timeout)
        except BaseException:
            process.send_signal(signal.SIGINT)
            try:
                process.communicate(timeout=INTERRUPT_TIMEOUT)
            finally:
                process.kill()
            raise
        return subprocess.CompletedProcess(arguments, process.returncode, output)

    def restore(self) -> None:
        """Undo all changes of files that git tracks."""
        git("-C", str(self.root), "checkout", "--quiet", "--", ".")


def git(*arguments: str) -> str:
    """Run git in the checkout; return its output. Exit if it fails."""
    done = subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"git {' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout.strip()


@contextmanager
def worktree() -> Iterator[Worktree]:
    """Make a worktree of the checkout, including uncommitted changes; remove it at the end."""
    if untracked := git("ls-files", "--others", "--exclude-standard", "--", *USED):
        sys.exit(f"git does not know these files; `git add` or remove them first:\n{untracked}")
    commit = git("stash", "create") or "HEAD"
    with tempfile.TemporaryDirectory(prefix="switched-off-") as directory:
        root = Path(directory).resolve() / "dash-pipe"
        git("worktree", "add", "--quiet", "--detach", str(root), commit)
        try:
            yield Worktree(root)
        finally:
            git("worktree", "remove", "--force", str(root))
