"""The callback calls of a page. Each is a request, so the page sees all of them.

If several processes answer, none has seen all; and a killed one can't tell.
"""

from dataclasses import dataclass
from typing import Any

from harness.browser import Browser

# The status is that of the answer: null until it comes, 0 if none will come.
WATCH = """
    const fetch = window.fetch;
    window.testCalls = [];
    window.fetch = async (address, options) => {
        if (!String(address).includes("_dash-update-component")) return fetch(address, options);
        const {changedPropIds, inputs, state} = JSON.parse(options.body);
        const call = {changed: changedPropIds, values: [...inputs, ...(state ?? [])], status: null};
        window.testCalls.push(call);
        try {
            const answer = await fetch(address, options);
            call.status = answer.status;
            return answer;
        } catch (error) {
            call.status = 0;
            throw error;
        }
    };
"""


@dataclass(frozen=True)
class PageCall:
    """A call triggered by a Pipe: its messages, and the status of the answer, if any."""

    messages: list[dict[str, Any]]
    status: int | None

    @property
    def succeeded(self) -> bool:
        """Return whether the callback has run to its end."""
        return self.status in {200, 204}


def watch(browser: Browser) -> None:
    """Start recording the calls of the page."""
    browser.run(WATCH)


def calls(browser: Browser, pipe: str = "pipe") -> list[PageCall]:
    """Return the calls triggered by the Pipe's messages, in order."""
    changed = f"{pipe}.messages"
    return [
        PageCall(
            next(value["value"] for value in call["values"] if value["property"] == "messages"),
            call["status"],
        )
        for call in browser.run("return window.testCalls")
        if changed in call["changed"]
    ]
