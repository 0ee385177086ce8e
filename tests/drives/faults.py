"""Make the steps of a plan happen: thin code that acts on servers, links and listeners."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

from drives.crowd import BUSY, NEW_WEIGHT, QUIET, WEIGHTS, Crowd
from drives.history import History
from drives.link import Link
from drives.plan import NO_FAULTS, Step, steps
from drives.sender import Senders
from drives.served import Served
from drives.stored import Stored
from drives.undo import Undo
from harness import wait

BURST = (150, 300)  # messages


class Faults:
    """Everything that faults act on; `log` says what happened, and when."""

    def __init__(
        self,
        redis: Stored,
        links: tuple[Link, Link],
        served: Served,
        senders: Senders,
        crowd: Crowd,
        choice: random.Random,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.log: list[str] = []
        self._redis = redis
        self._servers_link, self._senders_link = links
        self._served = served
        self._senders = senders
        self._crowd = crowd
        self._choice = choice
        self._undo = Undo()

    @property
    def _history(self) -> History:
        return self._senders.history

    def period(self, seconds: float) -> None:
        """Let faults happen for some seconds. The new channel is sent to in the second half."""
        start = time.monotonic()
        first = start + self._choice.uniform(0, seconds / 2)
        self._senders.channels = WEIGHTS
        for step in steps(self._choice, seconds):
            while (due := self._undo.next()) < start + step.at:
                self._pause_until(due)
                self._undo.due(time.monotonic())
            self._pause_until(start + step.at)
            if time.monotonic() > first:
                self._send_to_new()
            self.note(step.kind, f"{step.seconds:.1f} s, share {step.share}")
            happened = getattr(self, f"_do_{step.kind}")(step)
            self.counts[step.kind] += step.kind not in NO_FAULTS and happened is not False
        self._send_to_new()

    def heal(self) -> None:
        """End all faults that last; listeners that are away stay away."""
        self._undo.all("stop", "partition", "redis")
        self._redis.drop_copies()

    def note(self, kind: str, text: str) -> None:
        """Write a line to the log."""
        self.log.append(f"{time.monotonic():.3f} {kind}: {text}")

    def _send_to_new(self) -> None:
        self._senders.channels = {**WEIGHTS, self._crowd.newest: NEW_WEIGHT}

    def _later(self, step: Step, kind: str, act: Callable[[], None]) -> None:
        self._undo.add(time.monotonic() + step.seconds, kind, act)

    @staticmethod
    def _pause_until(due: float) -> None:
        """Wait: the pauses between faults are the time of the drive itself."""
        time.sleep(max(0.0, due - time.monotonic()))
        wait.check()

    # Processes and links

    def _do_kill(self, step: Step) -> None:
        self._served.kill(step.pick)

    def _do_stop(self, step: Step) -> None:
        pid = self._served.stop(step.pick)
        self._later(step, "stop", lambda: self._served.resume(pid))

    def _do_reset_clients(self, step: Step) -> None:
        for link in self._served.links:
            link.cut_share(step.share)

    def _do_reset_servers(self, step: Step) -> None:
        self._servers_link.cut_share(step.share)

    def _do_reset_senders(self, step: Step) -> None:
        self._senders_link.cut_share(step.share)

    def _do_silence_clients(self, step: Step) -> None:
        for link in self._served.links:
            link.silence_share(step.share)

    def _do_silence_servers(self, step: Step) -> None:
        self._servers_link.silence_share(step.share)

    def _do_silence_senders(self, step: Step) -> None:
        self._senders_link.silence_share(step.share)

    def _do_partition(self, step: Step) -> None:
        self._servers_link.refuse()
        self._servers_link.cut()
        self._later(step, "partition", self._servers_link.allow)
        self._do_burst(step)

    # Listeners and senders

    def _do_leave(self, step: Step) -> None:
        if found := self._crowd.may_leave():
            follower = found[int(step.pick * len(found))]
            follower.leave()
            self._later(step, "leave", follower.back)

    def _do_desert(self, step: Step) -> None:
        for follower in self._crowd.here(QUIET):
            follower.leave()
            self._later(step, "leave", follower.back)

    def _do_burst(self, step: Step) -> None:
        new = [self._crowd.newest] * (step.pick < 0.3)
        channel = self._choice.choice([BUSY, BUSY, QUIET, *new])
        self._senders.burst(channel, self._choice.randint(*BURST))

    # Redis

    def _do_pause_redis(self, step: Step) -> None:
        self._redis.server.pause()
        self._later(step, "redis", self._redis.server.resume)

    def _do_restart(self, _: Step) -> None:
        self._undo.all("redis")
        self._redis.server.restart()

    def _do_crash(self, _: Step) -> None:
        self._undo.all("redis")
        self._redis.server.kill9()
        self._redis.server.start()

    def _do_copy(self, _: Step) -> None:
        self._undo.all("redis")
        with self._senders.lock:
            self._redis.copy(self._history.copy())

    def _do_rollback(self, step: Step) -> bool:
        self._undo.all("redis")
        with self._senders.lock:
            began, seen = time.monotonic(), len(self._history.losses)
            copy = self._redis.roll_back(step.pick)
            if copy is not None:
                self._history.roll_back(copy, began)
            self._note_losses(seen)
            return copy is not None

    def _do_power(self, step: Step) -> bool:
        with self._senders.lock, self._served.all_killed():
            return self._do_rollback(step)

    def _do_flush(self, _: Step) -> None:
        self._undo.all("redis")
        with self._senders.lock:
            began = time.monotonic()
            self._redis.server.ask("FLUSHALL")
            self._vanish("flush", began)

    def _do_empty(self, _: Step) -> None:
        self._undo.all("redis")
        with self._senders.lock:
            began = time.monotonic()
            self._redis.server.kill9()
            self._redis.server.forget()
            self._redis.server.start()
            self._vanish("empty", began)

    def _do_delete_key(self, step: Step) -> bool:
        self._undo.all("redis")
        with self._senders.lock:
            began = time.monotonic()
            channel, part = self._redis.delete_key(step.pick)
            self.note("key", f"{part} of {channel}")
            if part == "meta":
                self._vanish("meta", began, channel)
            elif part:
                self._history.damage(part, channel, began)
            return bool(part)

    def _vanish(self, kind: str, began: float, channel: str | None = None) -> None:
        seen = len(self._history.losses)
        self._history.vanish(kind, began, None if channel is None else [channel])
        # An older copy would bring back what was lost. That is left out here.
        self._redis.drop_copies()
        self._note_losses(seen)

    def _note_losses(self, seen: int) -> None:
        for loss in self._history.losses[seen:]:
            lost = sorted(loss.lost)
            self.note("loss", f"{loss.channel}: {len(lost)}, from {lost[0]} to {lost[-1]}")
