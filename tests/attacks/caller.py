"""Call the callback of tests/apps/flood.py for some seconds: `python caller.py PORT SECONDS`.

Print the milliseconds that the calls took, as JSON. A process of its own, so that nothing else that
the test does is measured.
"""

from __future__ import annotations

import http.client
import json
import sys
import time

CALL = {
    "output": "answer.children",
    "outputs": {"id": "answer", "property": "children"},
    "inputs": [{"id": "button", "property": "n_clicks", "value": 1}],
    "changedPropIds": ["button.n_clicks"],
}
RATE = 50  # calls a second


def call(port: int) -> float:
    """Call once; return the milliseconds."""
    begun_at = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request(
        "POST", "/_dash-update-component", json.dumps(CALL), {"Content-Type": "application/json"}
    )
    answer = connection.getresponse()
    body = answer.read()
    took = 1000 * (time.perf_counter() - begun_at)
    connection.close()
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(f"{answer.status}: {body!r:.300}")
    return took


def main() -> None:
    """Call at a rate, and print what each call took."""
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    due = begun_at = time.monotonic()
    found = []
    while due < begun_at + seconds:
        found.append(call(port))
        due += 1 / RATE
        time.sleep(max(0.0, due - time.monotonic()))
    sys.stdout.write(json.dumps(found))


main()
