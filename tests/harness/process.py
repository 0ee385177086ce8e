"""Facts about a process from Linux's /proc."""

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.wait import wait_for

ESTABLISHED = "01"


@dataclass(frozen=True)
class Figures:
    """The figures of a process at one moment."""

    threads: int
    descriptors: int
    resident_kib: int


def figures(pid: int) -> Figures:
    """Return the figures of a process."""
    proc = Path(f"/proc/{pid}")
    status = dict(
        line.split(":", 1) for line in (proc / "status").read_text().splitlines() if ":" in line
    )
    return Figures(
        threads=int(status["Threads"]),
        descriptors=len(list((proc / "fd").iterdir())),
        resident_kib=int(status["VmRSS"].split()[0]),
    )


def children(pid: int) -> list[int]:
    """Return the process ids of its children."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def connections(pid: int, port: int) -> int:
    """Return the number of its connections to a local port that are open on both sides."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    local, state, inode = 1, 3, 9  # the columns; see proc_pid_net(5)
    open_ = {
        f"socket:[{row[inode]}]"
        for row in rows
        if row[state] == ESTABLISHED and int(row[local].partition(":")[2], 16) == port
    }
    return sum(each in open_ for each in open_files(pid))


def open_files(pid: int) -> Iterator[str]:
    """Yield the targets of its descriptors. It may open and close some meanwhile, or end."""
    with contextlib.suppress(OSError):
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                yield os.readlink(f"/proc/{pid}/fd/{descriptor}")


def stands_still(pid: int) -> bool:
    """Return whether all its threads are stopped, which takes a moment after SIGSTOP."""
    try:
        states = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/stat")]
    except OSError:  # a thread has ended meanwhile
        return False
    return all(state.rpartition(")")[2].split()[0] == "T" for state in states)


def has_ended(pid: int) -> bool:
    """Return whether a process has ended. Its id is kept until its parent has asked for it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def workers(pid: int) -> list[int]:
    """Return the process ids of its children, but for the helper of multiprocessing."""
    return [child for child in children(pid) if _is_worker(child)]


def _is_worker(pid: int) -> bool:
    try:
        return b"resource_tracker" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended
        return False


@contextlib.contextmanager
def stopped(pids: Iterable[int]) -> Iterator[None]:
    """Keep processes stopped while inside."""
    held = list(pids)
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_for(lambda: all(map(stands_still, held)), "the processes to be stopped")
        yield
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)
