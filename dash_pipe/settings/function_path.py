"""A function that the environment names as ``module:function``."""

from __future__ import annotations

import os
import pkgutil
import re
import sys
from collections.abc import Callable
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import SettingError

_FORM = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*(\.[^\W\d]\w*)*)?")


class FunctionPath:
    """Import a function when it is needed: no sooner, as its module may just be importing us.

    Settings are read wherever a message is sent, and while an app is being made. A process that
    only sends never imports the function.

    Attributes:
        setting: the setting, as the user wrote it.
        function: the function, once it was imported.
    """

    def __init__(self, path: str) -> None:
        if _FORM.fullmatch(path) is None:
            raise ValueError(path)
        self.path = path
        self.setting = ""
        self.function: Callable[..., Any] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Import the function, if that is yet to be done, and call it."""
        return self.load()(*args, **kwargs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionPath) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    def __repr__(self) -> str:
        return self.path

    def check(self) -> None:
        """Check that the module can be found, as far as that is known without an import.

        Raises:
            SettingError: there is no such module or package.
        """
        module = self.path.partition(":")[0]
        package = module.partition(".")[0]
        if package in sys.modules or module == _name_of_main():
            return
        if find_spec(package) is None:
            raise self._error(ModuleNotFoundError(f"No module named {package!r}"))

    def load(self) -> Callable[..., Any]:
        """Return the function; import it if that is yet to be done.

        Raises:
            SettingError: the import failed, or found something else.
        """
        if self.function is None:
            try:
                found = _find(self.path)
            except Exception as error:  # a module may raise whatever it likes
                raise self._error(error) from error
            if not callable(found):
                reason = f"expected a function, but {self.path!r} is {found!r}"
                raise SettingError(self.setting, reason)
            self.function = found
        return self.function

    def _error(self, error: Exception) -> SettingError:
        if "partially initialized" in str(error):
            hint = (
                "The function is needed while its module is being imported: move the function to "
                "a module of its own, which does not import the app"
            )
        else:
            hint = (
                "Modules are looked for in sys.path; `dash-pipe` and `python -m dash_pipe` add "
                f"their working directory (here {os.getcwd()}), other programs may need PYTHONPATH"
            )
        reason = f"can't import {self.path!r} ({type(error).__name__}: {error}). {hint}"
        return SettingError(self.setting, reason)


def _find(path: str) -> object:
    module, _, name = path.partition(":")
    if name and module not in sys.modules and module == _name_of_main():
        # A second copy of the program would have an app and variables of its own.
        return attrgetter(name)(sys.modules["__main__"])
    return pkgutil.resolve_name(path)


def _name_of_main() -> str | None:
    """Return the name under which others would import the running program, if it is a file."""
    main: ModuleType | None = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:  # python -m
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return Path(file).stem if file else None
