"""Where dash-pipe meets an app of django-plotly-dash, which Django serves: it has no endpoint.

Its Pipes talk to that of the Django project, where dash_pipe.django is installed; else through the
socket of its page, to the consumer of django-plotly-dash.
"""

from __future__ import annotations

import functools
from typing import Any

from .. import runtime
from ..protocol.address import PAGE_SOCKET
from .page_meta import meta


def is_one(app: object) -> bool:
    """Whether django-plotly-dash has made the app."""
    return type(app).__module__.partition(".")[0] == "django_plotly_dash"


def name_socket(app: Any) -> None:
    """Have the app's page tell its Pipes whom to talk to, also where it is a part of another."""
    interpolate_index = app.interpolate_index

    @functools.wraps(interpolate_index)
    def interpolate_index_with_socket(**parts: Any) -> Any:
        url = runtime.current().settings.url or PAGE_SOCKET
        return interpolate_index(**{**parts, "config": meta(url) + parts.get("config", "")})

    app.interpolate_index = interpolate_index_with_socket
