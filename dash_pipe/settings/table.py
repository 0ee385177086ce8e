"""The table of settings: name, type, default and meaning of each, on one line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from ..brokers import Broker
from ..permission import Allowed
from . import kinds
from .function_path import FunctionPath
from .kinds import Kind

Authorize = Callable[..., bool | Allowed | Awaitable[bool | Allowed]]
"""``(request, channel, labels) -> bool``, sync or async: may this browser listen there?

It may return ``allow(until=...)``, too. If it has a parameter ``token``, it gets that of the Pipe.
"""


def _setting(default: Any, doc: str, kind: Kind | None = None) -> Any:
    kind = kind or kinds.BY_TYPE[type(default)]
    return field(default=default, repr=not kind.secret, metadata={"doc": doc, "kind": kind})


@dataclass(frozen=True, repr=False)
class Settings:
    """Every setting of dash-pipe.

    Each is a keyword of ``dash_pipe.configure()`` and an environment variable ``DASH_PIPE_<NAME>``
    in capitals (a list with commas, yes or no as 1 or 0), and in Django a key of ``DASH_PIPE``. The
    keyword wins, then the environment. Sizes are bytes, times are seconds.
    """

    broker: str | Broker = _setting(
        "memory://", "where messages are kept: a URL, or a Broker", kinds.BROKER
    )
    send_timeout: float = _setting(2.0, "how long a sender retries while the broker is away")
    max_message_bytes: int = _setting(64 * 1024, "size limit of a message, as JSON")
    window_messages: int = _setting(10_000, "number of messages that a channel keeps")
    window_bytes: int = _setting(4 * 2**20, "bytes of messages that a channel keeps")
    window_seconds: float = _setting(3600.0, "how long a channel keeps a message")
    kept_labels: int = _setting(256, "number of labels whose newest message a channel keeps")
    kept_seconds: float = _setting(
        86_400.0, "how long the newest message of a label, and an idle channel's position, are kept"
    )
    max_idle_channels: int = _setting(10_000, "number of channels kept while nobody listens")
    max_connections: int = _setting(10_000, "number of browser connections per process")
    max_connections_per_address: int | None = _setting(
        None, "number of browser connections per process and address", kinds.BY_TYPE[int]
    )
    max_connections_per_user: int | None = _setting(
        None,
        "number of browser connections per process and user that authorize names",
        kinds.BY_TYPE[int],
    )
    handshake_rate: float = _setting(
        1000.0, "websocket handshakes per second and address, on average over 10 seconds"
    )
    poll_rate: float = _setting(1000.0, "polls per second and address, on average over 10 seconds")
    frame_rate: float = _setting(
        1000.0, "frames per second and connection, on average over 10 seconds"
    )
    authorize_rate: float = _setting(
        32.0, "calls of authorize per second and connection, after the first 256"
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (),
        "addresses and networks of proxies whose X-Forwarded-For is believed; `unix` for a proxy "
        "on a Unix socket",
        kinds.NETWORKS,
    )
    heartbeat_interval: float = _setting(25.0, "time between two heartbeats of a connection")
    poll_interval: float = _setting(2.0, "time between two polls where websockets are unavailable")
    allowed_origins: tuple[str, ...] = _setting(
        (),
        "origins of other sites whose pages may listen, such as https://example.org or "
        "https://*.example.org",
        kinds.ORIGINS,
    )
    allowed_hosts: tuple[str, ...] = _setting(
        (),
        "names of this server, such as example.org or *.example.org; if unset, it answers to every "
        "name",
        kinds.HOSTS,
    )
    authorize: Authorize | None = _setting(
        None, "function that decides who may listen on a channel", kinds.FUNCTION
    )
    authorize_timeout: float = _setting(
        10.0, "time limit for authorize and for Dash's websocket_connect hooks"
    )
    authorize_again: float = _setting(
        300.0, "time after which authorize is called again for an open subscription, at the latest"
    )
    protected_channels: tuple[str, ...] = _setting(
        (),
        "channels on which a Pipe needs a `token` of sign_channel: names or patterns such as "
        "user-*, where `*` stands for any characters",
        kinds.PATTERNS,
    )
    token_keys: tuple[str, ...] = _setting(
        (),
        "secret key that signs tokens of channels, or a list, newest first: the first signs, all "
        "verify; by default the key of the Flask or Quart app, or of the Django project",
        kinds.KEYS,
    )
    url: str | None = _setting(
        None, "base of the endpoint for browsers, if it is not the app's own `_pipe/`", kinds.BASE
    )
    auto_setup: bool = _setting(
        True, "add the endpoint and the browser's half to every Dash app of the environment"
    )
    ws_route: str = _setting("dpd/ws/channel", "route of the websocket in Django", kinds.ROUTE)
    dpd_frames: bool = _setting(
        False, "accept the frames of django-plotly-dash's Pipe; on in a Django project that has it"
    )
    http_route: str | None = _setting(
        None, "route of the server below which poke is found, as `<http_route>/poke/`", kinds.ROUTE
    )
    http_poke_enabled: bool = _setting(False, "allow publishing over HTTP (poke)")
    http_poke_token: str | None = _setting(
        None,
        "bearer token required to publish over HTTP; if unset, only local requests are accepted",
        kinds.TOKEN,
    )

    @property
    def restricts_listening(self) -> bool:
        """Return whether a subscribe may be denied."""
        return self.authorize is not None or bool(self.protected_channels)

    @property
    def keeps_messages_in_memory(self) -> bool:
        """Return whether the broker is the memory of this process, which no other can read."""
        return isinstance(self.broker, str) and urlsplit(self.broker).scheme == "memory"

    def load(self) -> Settings:
        """Import the functions that the environment names. Return self.

        Raises:
            SettingError: one can't be imported.
        """
        if isinstance(self.authorize, FunctionPath):
            self.authorize.load()
        return self

    def __repr__(self) -> str:
        shown = [
            f"{each.name}={each.metadata['kind'].shown(getattr(self, each.name))}"
            for each in fields(self)
            if each.repr
        ]
        return f"Settings({', '.join(shown)})"


TABLE: dict[str, Kind] = {each.name: each.metadata["kind"] for each in fields(Settings)}
"""The kind of each setting, by name."""
