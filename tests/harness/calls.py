"""The callback calls of a page, as the page makes them: each is a request, and the page sees all.

Where several processes answer, none of them has seen all; and one that is killed can't tell.
"""

from dataclasses import dataclass
from typing import Any

from harness.browser import Browser

# The status is that of the answer: null as long as there is none, 0 when there will be none.
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
    """A call that a Pipe has triggered: its messages, and the status of the answer, if any."""

    messages: list[dict[str, Any]]
    status: int | None

    @property
    def succeeded(self) -> bool:
        """Whether a callback has run to its end."""
        return self.status in {200, 204}


def watch(browser: Browser) -> None:
    """Begin to remember the calls of the page."""
    browser.run(WATCH)


def calls(browser: Browser, pipe: str = "pipe") -> list[PageCall]:
    """Return the calls that had the Pipe's messages for a trigger, in the order they were made."""
    changed = f"{pipe}.messages"
    return [
        PageCall(
            next(value["value"] for value in call["values"] if value["property"] == "messages"),
            call["status"],
        )
        for call in browser.run("return window.testCalls")
        if changed in call["changed"]
    ]
