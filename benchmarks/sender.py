"""A process that only sends: what the broker in Redis is there for.

It says `{"ready": true}` on its standard output when it has sent a first message, and then obeys
lines `count rate` of standard input until it ends. `DASH_PIPE_BROKER` says where it sends.
"""

from __future__ import annotations

import json
import sys
import time

import dash_pipe
from message import value

CHANNEL = "bench"


def send(count: int, rate: float) -> None:
    """Send `count` messages, `rate` a second, or as fast as they go when it is 0."""
    start = time.monotonic()
    for number in range(count):
        dash_pipe.send_to_pipe_channel(channel_name=CHANNEL, label="row", value=value(number))
        if rate:
            time.sleep(max(0.0, start + (number + 1) / rate - time.monotonic()))


def main() -> None:
    """Connect and import what sending takes, then obey."""
    dash_pipe.send_to_pipe_channel(channel_name="warm", label="row", value=value(0))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        count, rate = line.split()
        send(int(count), float(rate))


if __name__ == "__main__":
    main()
