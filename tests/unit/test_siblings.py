"""The other workers of a server, as files and locks tell of them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dash_pipe.family.siblings import OVERLAP_SECONDS, PAUSE_SECONDS, Sibling, Siblings, are_several
from harness.environment import environment
from unit.fakes import Clock

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such locks")

PORT = frozenset({"('127.0.0.1', 8050)"})
OTHER_PORT = frozenset({"('127.0.0.1', 8051)"})

HOLD = """
import fcntl, os, sys
path, content, newest = sys.argv[1:]
file = os.open(path, os.O_RDWR | os.O_CREAT)
fcntl.flock(file, fcntl.LOCK_EX)
os.write(file, content.encode())
os.utime(path, (float(newest),) * 2)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("sibling", "since", "now", "accepts", "expected"),
    [
        (Sibling(1, 2), 1, 3, True, True),  # a page came to this one, to the other, to this one
        (Sibling(1, 2), 1, 3, False, False),  # this one may be ending
        (Sibling(1, 2), 3, 4, True, False),  # the other one may be ending
        (Sibling(1, 2), 3, 3 + OVERLAP_SECONDS, True, False),
        (Sibling(1, 2), 3, 4 + OVERLAP_SECONDS, True, True),  # no server takes so long to end one
        (Sibling(1, 2), 1, 2 + OVERLAP_SECONDS, False, True),
        (Sibling(50, 50), 1, 2 + OVERLAP_SECONDS, False, False),
    ],
)
def test_processes_are_several_if_both_go_on(
    sibling: Sibling, since: float, now: float, accepts: bool, expected: bool
) -> None:
    assert are_several(sibling, since, now, accepts=accepts) is expected


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / f"dash-pipe-{os.getuid()}"


@pytest.fixture
def siblings(tmp_path: Path, clock: Clock) -> Iterator[Siblings]:
    found = Siblings(PORT, clock.now, clock, str(tmp_path))
    yield found
    found.end()


Hold = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def hold(directory: Path) -> Iterator[Hold]:
    """Start a process with a file such as a sibling has, and its time of the newest page."""
    processes: list[subprocess.Popen[bytes]] = []

    def hold(
        newest: float, addresses: frozenset[str] = PORT, parent: int = os.getppid()
    ) -> subprocess.Popen[bytes]:
        path = directory / f"{parent}-{len(processes)}"
        content = "\n".join([repr(newest), *addresses])
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, path, content, repr(newest)],
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        return process

    yield hold
    for process in processes:
        process.communicate()


def test_process_alone_has_no_siblings(siblings: Siblings, clock: Clock) -> None:
    for _ in range(3):
        assert not siblings.are_there(accepts=True)
        clock.now += OVERLAP_SECONDS


def test_sibling_that_accepts_pages_in_turn_is_found(
    siblings: Siblings, clock: Clock, hold: Hold
) -> None:
    assert not siblings.are_there(accepts=True)
    hold(clock.now + 0.5)
    clock.now += PAUSE_SECONDS / 2
    assert not siblings.are_there(accepts=True)  # it looks once a second
    clock.now += PAUSE_SECONDS / 2
    assert siblings.are_there(accepts=True)


def test_sibling_that_accepts_pages_is_found_by_a_process_that_only_sends(
    siblings: Siblings, clock: Clock, hold: Hold, directory: Path
) -> None:
    hold(clock.now + 0.5)
    clock.now += 1
    assert siblings.are_there(accepts=False)
    assert len([*directory.iterdir()]) == 1  # it leaves no file


@pytest.mark.parametrize("difference", ["parent", "port"])
def test_process_of_another_server_is_no_sibling(
    siblings: Siblings, clock: Clock, hold: Hold, difference: str
) -> None:
    assert not siblings.are_there(accepts=True)
    if difference == "parent":
        hold(clock.now + 0.5, parent=1)
    else:
        hold(clock.now + 0.5, OTHER_PORT)
    clock.now += 1
    assert not siblings.are_there(accepts=True)


def test_file_of_a_process_that_has_ended_is_removed(
    siblings: Siblings, clock: Clock, hold: Hold, directory: Path
) -> None:
    assert not siblings.are_there(accepts=True)
    hold(clock.now + 0.5).communicate()
    clock.now += 1
    assert not siblings.are_there(accepts=True)
    assert [path.name for path in directory.iterdir()] == [f"{os.getppid()}-{os.getpid()}"]
    siblings.end()
    assert not [*directory.iterdir()]


def test_directory_that_others_can_write_is_not_used(
    tmp_path: Path, directory: Path, clock: Clock
) -> None:
    directory.mkdir()
    directory.chmod(0o777)
    assert not Siblings(PORT, clock.now, clock, str(tmp_path)).are_there(accepts=True)
    assert not [*directory.iterdir()]


def test_directory_that_can_not_be_made_finds_no_siblings(clock: Clock) -> None:
    assert not Siblings(PORT, clock.now, clock, "/nowhere").are_there(accepts=True)
