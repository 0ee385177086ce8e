"""A page, and the network between it and processes that share a Redis."""

from __future__ import annotations

from typing import Any

import pytest

from dash_pipe.log import Position
from schedules.cluster import PROCESSES, Cluster
from schedules.page import CONNECTING, Answer, Page
from schedules.process import use_clock
from schedules.redis_oracle import RedisPipe, Told
from schedules.world import BROKEN, RESTARTED, Line, World
from unit.fakes import Clock

DEAD = 30.0  # seconds after which a process knows that a connection is dead


class RedisWorld(World):
    """A page and a cluster; each public method but ``settle`` and ``check`` is a step."""

    def __init__(self, page: Page, cluster: Cluster) -> None:
        self.cluster = cluster
        self.truth = cluster.truth
        self._acting = ""
        super().__init__(page)
        self.sent = cluster.sent

    def make_pipe(self, channel: str, labels: str | None, replay: int, now: int) -> RedisPipe:
        return RedisPipe(channel, labels, replay, now, self.truth)

    def step(self, name: str, *arguments: Any) -> None:
        """Take a step: of the world, or else of the cluster."""
        owner = self.cluster if name not in dir(RedisWorld) or name == "send" else self
        getattr(owner, name)(*arguments)

    # The processes

    def serve(self) -> None:
        """Let all processes do their work, twice: what pages ask for may need Redis."""
        for _ in range(2):
            for who in range(PROCESSES):
                self.cluster.work(who)
            for line in [*self.unnoticed, *([self.line] if self.line else [])]:
                if not line.rejected:
                    line.answer()

    def kill(self, who: int) -> None:
        """Let a process end, and another start in its place."""
        hub = self.cluster.replace(who).hub
        self.unnoticed = [line for line in self.unnoticed if line.browser.hub is not hub]
        if self.line is not None and self.line.browser.hub is hub:
            self._drop(RESTARTED)

    def beat(self, seconds: float = 0.0) -> None:
        """Move only the clocks of servers forward. They may then miss pages."""
        self.cluster.pass_time(seconds)
        for process in self.cluster.processes:
            process.hub.beat()
        self.serve()
        if self.line is not None and self.line.rejected:
            self._drop(4408)

    # The network to the page

    def accept(self, who: int = 0) -> None:
        """Connect the page to a process, if it tries."""
        if self._state != CONNECTING:
            return
        if self.down:
            self._drop(BROKEN)
            return
        self.line = Line(self.cluster.processes[who].hub, parks=True)
        self._act("open")

    def wait(self, milliseconds: int) -> None:
        """Move all clocks forward."""
        self.cluster.pass_time(milliseconds / 1000)
        self._act("pass", milliseconds)

    def deliver(self, count: int) -> None:
        """Let a number of frames arrive at the page, one by one."""
        for _ in range(min(count, len(self.line.down) if self.line else 0)):
            super().deliver(1)
            for slot, pipe in self.pipes.items():
                if isinstance(pipe, RedisPipe) and pipe.pending[1]:
                    self.take(slot)  # a second gap would hide the first

    # The page

    def take(self, slot: str) -> None:
        """Let the callback of a Pipe take its next update."""
        pipe = self.pipes.get(slot)
        if pipe is not None and pipe.mounted:
            came = self._act("take", slot).result
            pipe.takes(self.sent[number - 1] for number in came["values"])

    def _act(self, name: str, *arguments: object) -> Answer:
        self._acting = name
        answer = super()._act(name, *arguments)
        self._acting = ""
        return answer

    def _look(self, answer: Answer) -> None:
        super()._look(answer)
        if self._acting == "mount":
            return  # the Pipe is not in its slot yet
        for slot, told in answer.told.items():
            pipe = self.pipes.get(slot)
            if isinstance(pipe, RedisPipe):
                self._hear(pipe, told)

    def _hear(self, pipe: RedisPipe, told: dict[str, Any]) -> None:
        """Note what a Pipe was told, and where it is now."""
        gaps, last = told["gaps"], told["lastGap"]
        new = gaps - pipe.pending[0] if gaps >= pipe.pending[0] else gaps
        if last and (new or (gaps, last) != pipe.pending):
            bounds = last["cause"], last["from"], last["to"]
            now = told["position"]["epoch"], len(self.sent)
            gap = Told(self.truth.moment, *bounds, pipe.position, *now)
            if new == 1 and gap.cause == "window":
                pipe.check_window(gap, self.sent)
            pipe.heard.append(gap)
            if new > 1:  # only the last is described
                pipe.doubt = len(self.sent)
        pipe.pending = gaps, last
        if told["position"]:
            pipe.moves(Position(told["position"]["epoch"], told["position"]["offset"]))

    # The end

    def settle(self) -> None:
        """Let the network heal and everything arrive."""
        self.down = False
        for who in range(PROCESSES + 1):
            self.cluster.join(who)
        for _ in range(2):  # what was in flight may show that a connection is dead
            self.cluster.pass_time(DEAD)
            self._come_to_rest()
        for slot in self.pipes:
            self.take(slot)

    def _come_to_rest(self) -> None:
        super()._come_to_rest()
        for _ in range(sum(len(process.hub) for process in self.cluster.processes)):
            self._beat_all()

    def _beat_all(self) -> None:
        """Let each session have its heartbeat, with the offsets of other labels."""
        due = min(process.hub.beat() for process in self.cluster.processes)
        for wait in (0.0, due):  # everything due is answered before time goes on
            self.beat(wait)
            self.deliver(1000)
            self.serve()

    def check(self) -> None:
        """Assert that everything due arrived or was reported as lost, and nothing else."""
        status = self._act("look").status
        for slot, pipe in self.pipes.items():
            assert isinstance(pipe, RedisPipe)
            if pipe.mounted:
                assert status[slot] == "open"
                assert pipe.position == self.cluster.end(pipe.channel)
            missing = list(pipe.missing(self.sent, to_the_end=pipe.mounted))
            assert not missing, f"{slot} was not given {missing}; it was told {pipe.heard}"
            pipe.check_epochs()


def run(page: Page, patch: pytest.MonkeyPatch, schedule: list[tuple[Any, ...]]) -> None:
    clock = Clock(1_750_000_000.0)
    use_clock(patch, clock)
    world = RedisWorld(page, Cluster(clock))
    for step in schedule:
        world.step(*step)
    world.settle()
    world.check()
