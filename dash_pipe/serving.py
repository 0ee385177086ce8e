"""Note the pages and messages of this process, for messages in memory: who can hear them?"""

from __future__ import annotations

from .family.parent import Parent
from .family.relay import Relay
from .family.siblings import Siblings
from .log import Position
from .runtime import Runtime
from .telemetry.events import log_event


def note_page(runtime: Runtime) -> None:
    """Note that a page has come to this process. Children hand their messages to it now."""
    runtime.program.note_page(runtime)
    if runtime.broker.may_wait:
        return
    if not runtime.family.serves:
        runtime.diagnostics.serves()
        _hear_children(runtime)
    _look_for_siblings(runtime, accepts=True)


def parent(runtime: Runtime) -> Parent | None:
    """Return the process to hand messages to, instead of publishing them in this one's memory."""
    return runtime.family.parent(runtime.settings.send_timeout)


def note_message(runtime: Runtime) -> None:
    """Note that a message was published in the memory of this process."""
    if not runtime.diagnostics.has_warned:
        _look_for_siblings(runtime, accepts=False)
        if not runtime.family.serves:
            runtime.diagnostics.keeps(runtime.family)


def _hear_children(runtime: Runtime) -> None:
    try:
        runtime.part(_relay)
    except (OSError, RuntimeError) as error:
        extra = log_event("children_unheard")
        runtime.diagnostics.warn_once(f"dash-pipe: can't hear child processes: {error}", extra)


def _look_for_siblings(runtime: Runtime, *, accepts: bool) -> None:
    if runtime.diagnostics.has_warned or not runtime.family.addresses:
        return
    if runtime.part(_siblings).are_there(accepts=accepts):
        runtime.diagnostics.has_siblings()


def _relay(runtime: Runtime) -> Relay:
    def publish(channel: str, label: str, value: str, message_id: str | None) -> Position:
        position = runtime.broker.publish(channel, label, value, message_id)  # tests may change it
        runtime.counters.published(len(value))
        return position

    return Relay(runtime.family.accepts(), publish, runtime.settings.max_message_bytes)


def _siblings(runtime: Runtime) -> Siblings:
    return Siblings(runtime.family.addresses, runtime.family.since)
