"""A process that only sends, through a broker in Redis.

It prints `{"ready": true}` after a first message, and then executes lines `count rate` of standard
input until it ends. `DASH_PIPE_BROKER` names the broker.
"""

from __future__ import annotations

import json
import sys
import time

import dash_pipe
from message import value

CHANNEL = "bench"


def send(count: int, rate: float) -> None:
    """Send `count` messages, `rate` a second; as fast as possible if it is 0."""
    start = time.monotonic()
    for number in range(count):
        dash_pipe.send_to_pipe_channel(channel_name=CHANNEL, label="row", value=value(number))
        if rate:
            time.sleep(max(0.0, start + (number + 1) / rate - time.monotonic()))


def main() -> None:
    """Connect and import everything with a first message, then execute the lines."""
    dash_pipe.send_to_pipe_channel(channel_name="warm", label="row", value=value(0))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        count, rate = line.split()
        send(int(count), float(rate))


if __name__ == "__main__":
    main()
