"""Drives of `make drives`: random faults on a whole deployment, and an oracle."""

import os
import random
import sys
from pathlib import Path

import pytest

from drives.account import SETTLE
from drives.drive import Drive

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SECONDS = float(os.environ.get("DRIVE_SECONDS", "600"))
SEED = int(os.environ.get("DRIVE_SEED", random.randrange(2**32)))


@pytest.mark.timeout(3 * SECONDS + 4 * SETTLE)
@pytest.mark.parametrize("deployment", ["gthread", "uvicorn", "gateway"])
def test_drive_with_random_faults_tells_each_loss_and_doubles_nothing(
    deployment: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Drive(deployment, tmp_path, SEED) as drive:
        drive.run(SECONDS)
        verdict = drive.verdict
        with capsys.disabled():
            sys.stdout.write("\n".join(["", *drive.report(), ""]))
    lines = [*verdict.cases(), "", "the log of the drive:", *drive.log]
    assert verdict.is_good, "\n".join(lines)
