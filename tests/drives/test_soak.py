"""A soak of `make drives`: a drive whose processes must not grow."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

import pytest

from drives.account import SETTLE
from drives.drive import PERIOD, Drive
from drives.growth import Growth
from harness.process import figures

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
SEED = int(os.environ.get("DRIVE_SEED", random.randrange(2**32)))


class Soak(Drive):
    """A drive that looks at its processes after each period."""

    def run(self, seconds: float) -> None:
        """Drive for some seconds; see ``Drive``."""
        self._crowd.come()
        self.growth = Growth(len(self._crowd.followers))
        self._senders.start()
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._faults.period(min(PERIOD, left))
            self._account.settle()
            for pid in self._served.pids():
                self.growth.look(pid, figures(pid))
            self._crowd.renew()


@pytest.mark.timeout(3 * SECONDS + 4 * SETTLE)
@pytest.mark.parametrize("deployment", ["gthread", "uvicorn"])
def test_soak_with_random_kills_leaves_processes_as_they_were(
    deployment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Soak(deployment, tmp_path, SEED) as drive:
        drive.run(SECONDS)
        with capsys.disabled():
            sys.stdout.write("\n".join(["", *drive.report(), ""]))
            sys.stdout.write(f"processes that lived long enough: {drive.growth.judged}\n")
        assert list(drive.growth.cases()) == []
        assert drive.growth.judged or SECONDS < 600
        assert drive.verdict.is_good, "\n".join(drive.verdict.cases())
