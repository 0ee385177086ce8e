"""The version. package.json is the one place of it; what is read here is the shipped copy."""

from __future__ import annotations

import json
from pathlib import Path

_package = json.loads((Path(__file__).parent / "package-info.json").read_text("utf-8"))

__version__: str = _package["version"]
