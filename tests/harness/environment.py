"""The environment of processes that tests start: a short list, never all of ours."""

import os
from collections.abc import Mapping

# Paths of programs and files, formats of text and time, and variables of `coverage`.
# No PYTHONPATH: several interpreters share these sources, and none may run another's packages.
PASSED_ON = (
    "COVERAGE_PROCESS_CONFIG",
    "COVERAGE_PROCESS_START",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LD_LIBRARY_PATH",
    "PATH",
    "TMPDIR",
    "TZ",
)
FAMILIES = ("LC_",)

# Variables that pip also needs on machines with their own access to a package index.
OF_INSTALLERS = (
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "SSL_CERT_DIR",
    "SSL_CERT_FILE",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
)
FAMILY_OF_INSTALLERS = "PIP_"


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process under test: the inherited variables and `settings`."""
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in PASSED_ON or name.startswith(FAMILIES)
    }
    return {**passed_on, "PYTHONUNBUFFERED": "1", **(settings or {})}


def installing(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a process that installs packages."""
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in OF_INSTALLERS or name.startswith(FAMILY_OF_INSTALLERS)
    }
    return environment({**passed_on, **(settings or {})})
