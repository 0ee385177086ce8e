"""Make each fault of mutants.py in a temporary worktree, and check that its tests fail."""

from __future__ import annotations

import os
import sys
import time

from switched_off import edits
from switched_off.choice import chosen
from switched_off.mutants import MUTANTS
from switched_off.table import Switch
from switched_off.worktree import Worktree, worktree

SCHEDULES = "2000"
TIMEOUT = 600.0  # seconds for the tests of one fault


def passes(tree: Worktree, test: str) -> bool:
    """Run a test file, or a part of one; return whether it passes."""
    if test.endswith(".ts"):
        done = tree.execute("npx", "vitest", "run", test, timeout=TIMEOUT)
    else:
        done = tree.run("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", test, timeout=TIMEOUT)
    if done.returncode not in {0, 1}:
        sys.exit(done.stdout)
    return done.returncode == 0


def survivors(tree: Worktree, mutant: Switch) -> list[str]:
    """Make a fault and run its tests; return those that pass."""
    began = time.monotonic()
    (text,) = edits.apply(tree.root, [mutant.edit]).values()
    (tree.root / mutant.edit.file).write_text(text, encoding="utf-8")
    passed = [test for test in mutant.fails if passes(tree, test)]
    tree.restore()
    seconds = time.monotonic() - began
    print(f"{'SURVIVES' if passed else 'killed'}  {mutant.off} ({seconds:.0f} s)", flush=True)
    return passed


def main() -> None:
    mutants = chosen(MUTANTS, "kill", __doc__)
    os.environ |= {"SCHEDULES": SCHEDULES, "SCHEDULES_SHRINK": ""}
    with worktree() as tree:
        tests = sorted({test for mutant in mutants for test in mutant.fails})
        if failing := [test for test in tests if not passes(tree, test)]:
            sys.exit(f"{failing} fail without a fault")
        passed = [test for mutant in mutants for test in survivors(tree, mutant)]
    if passed:
        sys.exit(f"{len(passed)} faults are not found")


if __name__ == "__main__":
    main()
