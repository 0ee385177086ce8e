"""Firefox, driven by WebDriver BiDi on its own port: no driver is needed."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from harness.browser import executable
from harness.child import Child
from harness.environment import environment
from harness.port import Port
from harness.wait import TIMEOUT, check

NAMES = ("firefox-esr", "firefox")
READY = "WebDriver BiDi listening on"
# Nothing but the page may use the network.
PREFS = {
    "app.update.enabled": False,
    "browser.startup.page": 0,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.enabled": False,
}
# Arguments and result cross as JSON, instead of as the tagged values of BiDi.
FUNCTION = "(given) => JSON.stringify((function () { %s }).apply(null, JSON.parse(given)) ?? null)"


class Firefox:
    """A Firefox process with one page."""

    def __init__(self, socket: ClientConnection) -> None:
        self._ids = itertools.count(1)
        self._socket = socket
        self._ask("session.new", capabilities={})
        self._context = self._ask("browsingContext.getTree")["contexts"][0]["context"]

    def open(self, url: str) -> None:
        """Load a page."""
        self._ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript in the page; return its result."""
        answer = self._ask(
            "script.callFunction",
            functionDeclaration=FUNCTION % script,
            arguments=[{"type": "string", "value": json.dumps(arguments)}],
            target={"context": self._context},
            awaitPromise=False,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def _ask(self, method: str, **params: object) -> Any:
        id_ = next(self._ids)
        self._socket.send(json.dumps({"id": id_, "method": method, "params": params}))
        while True:
            check()
            answer = json.loads(self._socket.recv(TIMEOUT))
            if answer.get("id") == id_:
                assert answer["type"] == "success", answer
                return answer["result"]


@contextmanager
def firefox(directory: Path) -> Iterator[Firefox]:
    """Run Firefox, with all that it writes in a directory."""
    profile = directory / "profile"
    profile.mkdir()
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(on)});" for name, on in PREFS.items()]
    (profile / "user.js").write_text("\n".join(lines))
    port = Port()
    command = [executable(*NAMES), "--headless", "--no-remote"]
    command += ["--profile", str(profile), f"--remote-debugging-port={port.number}"]
    child = Child("firefox", command, directory / "log", environment({"HOME": str(directory)}))
    child.wait_until(lambda: READY in child.log_text())
    try:
        with connect(f"ws://127.0.0.1:{port.number}/session", compression=None) as socket:
            yield Firefox(socket)
    finally:
        child.end()
