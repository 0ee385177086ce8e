"""Hold the files of the browser's half, as Dash reads them for every page of the process."""

from __future__ import annotations

from typing import Any

_FILES: list[dict[str, Any]] = [
    {"relative_package_path": "dash_pipe.min.js", "namespace": "dash_pipe"},
    # Served, but in no page: dash_pipe.min.js loads it where it is needed.
    {"relative_package_path": "fallback.min.js", "namespace": "dash_pipe", "dynamic": True},
    {"relative_package_path": "dpd_bridge.min.js", "namespace": "dash_pipe", "dynamic": True},
    {"dev_package_path": "proptypes.js", "dev_only": True, "namespace": "dash_pipe"},
]


class Bundle:
    """The files for the pages: all, or none as long as no app wants them.

    Attributes:
        files: the list that Dash reads; changed in place.
    """

    def __init__(self) -> None:
        self.files = list(_FILES)
        self._is_wanted = False

    def serve(self) -> None:
        """Put the files into the pages: an app has an endpoint for its Pipes."""
        self._is_wanted = True
        self.files[:] = _FILES

    def withhold(self) -> None:
        """Keep the files out of the pages, unless an app wants them."""
        if not self._is_wanted:
            self.files.clear()


bundle = Bundle()
