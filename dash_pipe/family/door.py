"""Open a socket in a private directory, and connect to it.

Only the user of the process can enter the directory. Windows has no unix sockets in Python: there
the socket is on localhost, and a file in the directory has its port and the key to it.
"""

from __future__ import annotations

import errno
import hmac
import json
import os
import secrets
import shutil
import socket
import time
from contextlib import suppress
from typing import NamedTuple

from .exchange import receive

PREFIX = "dash-pipe-"
SOCKET = "socket"
KEY = "key"
KEY_BYTES = 32
BACKLOG = 128
MAX_LOOKED_AT = 100  # directories of other processes
RETRY_SECONDS = 0.005  # while the backlog of a unix socket is full


class Door(NamedTuple):
    """A socket that listens in a directory, and the key that a client sends first."""

    directory: str
    listener: socket.socket
    key: bytes

    def admit(self, client: socket.socket, deadline: float) -> bool:
        """Return whether a client sends the key."""
        return hmac.compare_digest(receive(client, len(self.key), deadline), self.key)

    def wake(self) -> None:
        """Have a thread that waits for clients get one, which leaves at once."""
        connect(self.directory, time.monotonic() + 1.0).close()

    def remove(self) -> None:
        """Remove the directory: from now on nobody finds the socket."""
        shutil.rmtree(self.directory, ignore_errors=True)


def listen(directory: str) -> Door:
    """Make the directory, and listen in it.

    Raises:
        OSError: that fails.
    """
    os.mkdir(directory, 0o700)
    try:
        if not hasattr(socket, "AF_UNIX"):
            return _listen_on_localhost(directory)
        _remove_dead(os.path.dirname(directory))
        return _listen_on_unix_socket(directory)
    except OSError:
        shutil.rmtree(directory, ignore_errors=True)
        raise


def _listen_on_unix_socket(directory: str) -> Door:
    listener = socket.socket(socket.AF_UNIX)
    unfinished = os.path.join(directory, "unfinished")
    try:
        listener.bind(unfinished)
        listener.listen(BACKLOG)
        os.replace(unfinished, os.path.join(directory, SOCKET))
    except OSError:
        listener.close()
        raise
    return Door(directory, listener, b"")


def _remove_dead(base: str) -> None:
    """Remove the directories of processes that were killed and could not do it."""
    names = [name for name in os.listdir(base) if name.startswith(PREFIX)]
    for path in [os.path.join(base, name, SOCKET) for name in names[:MAX_LOOKED_AT]]:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(0)
            try:
                sock.connect(path)
            except OSError as error:
                if error.errno == errno.ECONNREFUSED:
                    shutil.rmtree(os.path.dirname(path), ignore_errors=True)


def _listen_on_localhost(directory: str) -> Door:
    listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    key = secrets.token_bytes(KEY_BYTES)
    text = json.dumps([listener.getsockname()[1], key.hex()])
    unfinished = os.path.join(directory, "unfinished")
    with open(unfinished, "w", encoding="ascii") as file:
        file.write(text)
    os.replace(unfinished, os.path.join(directory, KEY))
    return Door(directory, listener, key)


def connect(directory: str, deadline: float) -> socket.socket:
    """Connect to the socket in a directory.

    Raises:
        OSError: nobody listens there; a ``TimeoutError`` if it accepts nobody before the deadline.
    """
    if not hasattr(socket, "AF_UNIX"):
        with open(os.path.join(directory, KEY), encoding="ascii") as file:
            port, key = json.load(file)
        client = socket.create_connection(("127.0.0.1", port), _left(deadline))
        client.sendall(bytes.fromhex(key))
        return client
    client = socket.socket(socket.AF_UNIX)
    try:
        while True:
            client.settimeout(_left(deadline))
            try:
                client.connect(os.path.join(directory, SOCKET))
            except BlockingIOError:
                time.sleep(RETRY_SECONDS)
            else:
                return client
    except BaseException:
        client.close()
        raise


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
