"""Tests of the readings about processes that run meanwhile."""

import os
import sys

import pytest

from harness.process import open_files


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_open_files_closed_meanwhile_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: [*listed(path), "999999"])
    with open(os.devnull) as file:
        assert os.readlink(f"/proc/self/fd/{file.fileno()}") in open_files(os.getpid())
    assert list(open_files(999_999_999)) == []
