"""A proxy that can treat a part of its connections."""

import random

from harness.proxy import Connection, Proxy


class Link(Proxy):
    """A proxy whose faults meet each open connection with a probability, the `share`."""

    def __init__(self, port: int, choice: random.Random) -> None:
        super().__init__(port)
        self._choice = choice

    def cut_share(self, share: float) -> None:
        """Reset connections."""
        chosen = self._chosen(share)
        with self._lock:
            self._open = [one for one in self._open if one not in chosen]
        for connection in chosen:
            connection.cut()

    def silence_share(self, share: float) -> None:
        """Pass nothing on, on connections that stay open on both sides."""
        for connection in self._chosen(share):
            connection.silent = True

    def beyond(self, client_port: int) -> int:
        """Return the port from which it connects to the server for a client's; 0 if it is gone."""
        with self._lock:
            for connection in self._open:
                try:
                    if connection.client.getpeername()[1] == client_port:
                        return int(connection.server.getsockname()[1])
                except OSError:
                    continue
        return 0

    def _chosen(self, share: float) -> list[Connection]:
        with self._lock:
            return [one for one in self._open if self._choice.random() < share]
