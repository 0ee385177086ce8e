"""Switch off the mechanisms behind browser tests, one at a time, and check that the tests fail.

This works in a temporary worktree; the checkout is not changed. A test that passes with its
mechanism switched off tests nothing. A test that fails with nothing switched off proves nothing.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from xml.etree import ElementTree

from switched_off import edits
from switched_off.choice import chosen
from switched_off.table import SWITCHES, Switch
from switched_off.worktree import Worktree, worktree

# The mechanisms do not depend on the host. `-k` also searches names of tests: write them in full.
HOSTS = "(werkzeug or uvicorn) and not werkzeug-oldest and not gunicorn"
TIMEOUT = 600.0  # seconds for the tests of one switch

Outcomes = dict[str, list[bool]]  # for each test of the table and each host: whether it failed


@contextmanager
def switched_off(tree: Worktree, switch: Switch) -> Iterator[None]:
    """Make the edit in the worktree and build the bundles."""
    (text,) = edits.apply(tree.root, [switch.edit]).values()
    (tree.root / switch.edit.file).write_text(text, encoding="utf-8")
    try:
        if switch.edit.file.startswith("src/"):
            built = tree.run("tools/generated.py")
            if built.returncode or "wrote" not in built.stdout:
                sys.exit(f"{switch.off}: the bundles did not change\n{built.stdout}")
        yield
    finally:
        tree.restore()


def outcomes(
    tree: Worktree, names: Iterable[str], timeout: float = TIMEOUT
) -> tuple[Outcomes, str]:
    """Run tests of the table; return their outcomes, and pytest's output."""
    modules = sorted({f"tests/browser/test_{name.partition('::')[0]}.py" for name in names})
    functions = sorted({name.partition("::")[2].partition("[")[0] for name in names})
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        options = ("-q", "-p", "no:cacheprovider", f"--junitxml={report.name}")
        chosen = ("-k", f"({' or '.join(functions)}) and {HOSTS}", *modules)
        done = tree.run("-m", "pytest", *options, *chosen, timeout=timeout)
        if done.returncode not in {0, 1}:
            sys.exit(done.stdout)
        cases = list(ElementTree.parse(report.name).iter("testcase"))
    results = {
        name: [case.find("failure") is not None for case in cases if is_case(name, case)]
        for name in names
    }
    return results, done.stdout


def is_case(name: str, case: ElementTree.Element) -> bool:
    """Return whether a case of pytest's report, which also names its host, is this test."""
    module, _, test = name.partition("::")
    function, _, parameters = test.partition("[")
    found, _, found_parameters = case.get("name", "").partition("[")
    return (
        case.get("classname", "").endswith(f"test_{module}")
        and found == function
        and found_parameters.endswith(parameters)
    )


def check_unchanged(tree: Worktree, switches: list[Switch]) -> None:
    """Exit if tests fail or are missing with nothing switched off."""
    names = {name for switch in switches for name in switch.fails}
    results, output = outcomes(tree, names, timeout=2 * TIMEOUT)
    missing = [f"missing  {name}" for name in names if not results[name]]
    failing = [f"fails    {name}" for name in names if any(results[name])]
    if missing or failing:
        print(output, *sorted(missing + failing), sep="\n")
        sys.exit("tests fail or are missing with nothing switched off")


def survivors(tree: Worktree, switch: Switch) -> list[str]:
    """Run the tests with a mechanism switched off; print the results, return the passing tests."""
    began = time.monotonic()
    with switched_off(tree, switch):
        results, _ = outcomes(tree, switch.fails)
    print(f"{switch.off} ({time.monotonic() - began:.0f} s)", flush=True)
    for name, failed in results.items():
        print(f"  {'fails' if any(failed) else 'PASSES'}  {name}", flush=True)
    return [name for name, failed in results.items() if not any(failed)]


def main() -> None:
    switches = chosen(SWITCHES, "switched_off", __doc__)
    with worktree() as tree:
        tree.check()
        check_unchanged(tree, switches)
        passed = [name for switch in switches for name in survivors(tree, switch)]
    if passed:
        sys.exit(f"{len(passed)} tests pass with what they test switched off")


if __name__ == "__main__":
    main()
