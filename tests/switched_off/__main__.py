"""Switch off what the browser tests are about, one mechanism at a time, and see them fail.

It changes the sources, so it wants a tree without uncommitted changes, and puts back what it
changed. A test that passes with its mechanism switched off tests nothing; then this fails.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from table import SWITCHES, Switch

ROOT = Path(__file__).resolve().parents[2]
HOST = "(werkzeug or uvicorn) and not oldest and not gunicorn"  # what is tested is not the host's
TIMEOUT = 600  # seconds for the tests of one switch


def run(*command: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)


def build(switch: Switch) -> None:
    if switch.file.startswith("src/"):
        done = run(sys.executable, "tools/generated.py")
        if done.returncode or not done.stdout:
            sys.exit(f"not built, {switch.off}:\n{done.stdout}{done.stderr}")


@contextmanager
def switched_off(switch: Switch) -> Iterator[None]:
    file = ROOT / switch.file
    text = file.read_text(encoding="utf-8")
    try:
        file.write_text(text.replace(switch.was, switch.now), encoding="utf-8")
        build(switch)
        yield
    finally:
        file.write_text(text, encoding="utf-8")
        run("git", "checkout", "--quiet", "--", "dash_pipe")


def outcomes(fails: tuple[str, ...]) -> dict[str, bool]:
    """Run the tests; return for each whether it failed on some host."""
    modules = sorted({f"tests/browser/test_{name.partition('::')[0]}.py" for name in fails})
    tests = " or ".join(sorted({f"test_{test}".partition("[")[0] for test in names(fails)}))
    with tempfile.NamedTemporaryFile(suffix=".xml") as report:
        pytest = ("-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report.name}")
        chosen = ("-k", f"({tests}) and {HOST}", *modules)
        done = run(sys.executable, *pytest, *chosen, timeout=TIMEOUT)
        if done.returncode not in {0, 1}:
            sys.exit(done.stdout + done.stderr)
        cases = list(ElementTree.parse(report.name).iter("testcase"))
    failed = [
        f"{case.get('classname')}::{case.get('name')}"
        for case in cases
        if case.find("failure") is not None
    ]
    return {name: any(matches(name, each) for each in failed) for name in fails}


def names(fails: tuple[str, ...]) -> list[str]:
    return [name.partition("::")[2] for name in fails]


def matches(name: str, case: str) -> bool:
    """Whether a test of the table is this case of pytest's report, which names its host, too."""
    module, _, test = name.partition("::")
    test, _, parameters = f"test_{test}".partition("[")
    where, _, case = case.partition("::")
    case, _, given = case.partition("[")
    return (
        where.endswith(f"test_{module}")
        and case == test
        and given.rstrip("]").endswith(parameters.rstrip("]"))
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("only", nargs="*", help="part of what is off; all without it")
    only = parser.parse_args().only
    if run("git", "status", "--porcelain", "--", "src", "dash_pipe").stdout:
        sys.exit("src or dash_pipe has changes that are not committed; commit or stash them first")
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(1)
    )  # as an interrupt: put back what was there
    passed = []
    for switch in SWITCHES:
        if only and not any(part in switch.off for part in only):
            continue
        began = time.monotonic()
        with switched_off(switch):
            results = outcomes(switch.fails)
        print(f"{switch.off} ({time.monotonic() - began:.0f} s)", flush=True)
        for name, failed in results.items():
            print(f"  {'fails' if failed else 'PASSES'}  {name}", flush=True)
            if not failed:
                passed.append((switch.off, name))
    if passed:
        sys.exit(f"{len(passed)} tests pass with what they test switched off")


if __name__ == "__main__":
    main()
