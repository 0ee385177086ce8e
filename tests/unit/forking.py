"""A server process with one browser, which forks on request.

Its arguments are the kind of server and the descriptor of the browser's socket. It forks at the
first line of input and writes the child's id; both processes end at the end of input.
"""

import os
import socket
import sys
import threading

KIND, DESCRIPTOR = sys.argv[1], int(sys.argv[2])
if KIND == "greenlets":
    from gevent import monkey

    monkey.patch_all()

import select  # noqa: E402 - it may have been patched

from websockets.http11 import Request  # noqa: E402

from dash_pipe import runtime  # noqa: E402
from dash_pipe.protocol import Close  # noqa: E402
from dash_pipe.transports.framing import websocket  # noqa: E402
from dash_pipe.transports.loop_thread import loop_thread  # noqa: E402
from dash_pipe.transports.thread_hub import thread_hub  # noqa: E402
from dash_pipe.transports.thread_socket import ThreadSocket  # noqa: E402


def serve() -> None:
    sock = socket.socket(fileno=DESCRIPTOR)
    server = websocket()
    server.receive_data(sock.recv(4096))
    (request,) = server.events_received()
    assert isinstance(request, Request)
    handshake = (server, server.accept(request))
    if KIND == "loop":
        sock.setblocking(False)
        loop_thread(runtime.current()).adopt(sock, *handshake, None, None)
    else:
        rejection = (Close.ORIGIN, "no") if KIND == "rejected" else None
        browser = ThreadSocket(thread_hub(runtime.current()), sock, handshake, rejection, None)
        threading.Thread(target=browser.serve, daemon=True).start()


def wait_for_line() -> bool:
    """Wait for a line; return False at the end of the input."""
    select.select([0], [], [])
    return bool(os.read(0, 1))


if __name__ == "__main__":
    serve()
    wait_for_line()
    child = os.fork()
    if child:
        os.write(1, b"%d\n" % child)
    while wait_for_line():
        pass
    os._exit(0)
