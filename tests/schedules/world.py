"""A page, a server and the network between them. A schedule is a list of their steps."""

from collections import deque
from typing import Any

from dash_pipe.hub.hub import Hub
from dash_pipe.hub.policy import Policy
from dash_pipe.log import (
    MAX_PAST,
    Ended,
    Limits,
    Log,
    Message,
    Past,
    Position,
    Snapshot,
    translate,
)
from schedules.oracle import Gap, Pipe, Sent
from schedules.page import CLOSED, CONNECTING, OPEN, Answer, Page
from schedules.wire import Wire
from unit.fakes import Browser, Room

# Small, so that a schedule reaches the limits; every label has room, so that nothing is reported as
# lost that is not.
LIMITS = Limits(messages=8, bytes=400, seconds=60.0, labels=8, label_seconds=600.0)
POLICY = Policy(heartbeat_interval=25.0)
BATCH = 150

WINDOW = LIMITS.seconds + 1
FORGOTTEN = LIMITS.label_seconds + 1
BROKEN, RESTARTED = 1006, 1012


class Line:
    """One connection: the server's session, and the frames on their way in each direction."""

    def __init__(self, hub: Hub, parks: bool = False) -> None:
        self.browser = Browser(hub)
        self.up: deque[str] = deque()
        self.down: deque[str] = deque()
        self.heard = ""  # the last messages that have arrived, until a reply arrives
        self._wire = Wire(BATCH, parks)

    @property
    def rejected(self) -> bool:
        return self.browser.transport.closed is not None

    def answer(self) -> None:
        """Let the server read the arrived frames, and send."""
        session = self.browser.session
        assert session is not None
        self._collect()
        while self.up:
            text = self.up.popleft()
            self._wire.asks(text)
            self.browser.hub.receive(session, text)
            self._collect()

    def end(self) -> None:
        if self.browser.session is not None:
            self.browser.hub.disconnect(self.browser.session)

    def _collect(self) -> None:
        for frame in self.browser.transport.frames:
            self._wire.says(frame.text)
            self.down.append(frame.text)
        self.browser.transport.frames.clear()


class World:
    """A page, a server and a network; each public method but ``settle`` and ``check`` is a step."""

    make_pipe = Pipe

    def __init__(self, page: Page) -> None:
        self.page = page
        self.room = Room(LIMITS, POLICY)
        self.line: Line | None = None
        # Lines that the page has left, unnoticed by the server.
        self.unnoticed: list[Line] = []
        self.sent: list[Sent] = []
        self.pipes: dict[str, Pipe] = {}
        self._places: dict[tuple[str, str], Pipe] = {}  # the last of each slot on each channel
        self._left: dict[tuple[str, str, str | None], Pipe] = {}  # by its labels when it left
        self.down = False
        self.upheavals = 0  # the number of times that logs may have lost messages
        self.pasts: dict[str, Past] = {}  # of each epoch that a step began
        self.gone: set[int] = set()  # the numbers of messages that were lost with an epoch
        self._sockets = 0
        self._state = CLOSED
        self._act("load")

    # The server

    def send(self, channel: str, labels: str, size: int = 0) -> None:
        """Send a message for each label; its value is its number, with spaces up to a size."""
        for label in labels:
            number = len(self.sent) + 1
            position = self.room.broker.publish(channel, label, f"{number:<{size}}")
            self.sent.append(Sent(number, channel, label, *position))

    def serve(self) -> None:
        """Let the server do its work."""
        self.room.hub.flush()
        for line in [*self.unnoticed, *([self.line] if self.line else [])]:
            if not line.rejected:
                line.answer()

    def beat(self, seconds: float = 0.0) -> None:
        """Move only the server's clock forward. It may then miss pages."""
        self.room.clock.now += seconds
        self.upheavals += seconds >= LIMITS.label_seconds
        self.room.hub.beat()
        self.serve()
        self.room.publish("another", 0)  # drops logs that were idle for too long
        if self.line is not None and self.line.rejected:
            self._drop(4408)

    def restart(self) -> None:
        """Restart the server without its data."""
        clock = self.room.clock
        self.room = Room(LIMITS, POLICY)
        self.room.clock.now = clock.now
        self.upheavals += 1
        self.unnoticed.clear()
        if self._state != CLOSED:
            self._drop(RESTARTED)

    def begin_epoch(self, channel: str, cut: int | None) -> None:
        """Give an open log a new epoch: without its newest `cut` messages; None: without all.

        It continues the present epoch, unless all are gone.
        """
        log = self.room.broker.open(channel)
        epoch = f"epoch {len(self.pasts)}"
        self.upheavals += cut is None or min(cut, log.head) > 0
        past: Past = ()
        if cut is not None:
            past = (*log.past, Ended(log.epoch, max(0, log.head - cut), log.head))[-MAX_PAST:]
        if cut == 0:
            log.rename(epoch, past)
        else:
            log.load(self._rolled_back(channel, log, epoch, past))
        self.pasts[epoch] = past
        self.gone |= {
            sent.number for sent in self.sent if sent.channel == channel and not _is_in(past, sent)
        }
        self.room.broker.close(channel)
        self.room.hub.on_append(channel)

    # The network

    def deliver(self, count: int) -> None:
        """Let a number of frames arrive at the page."""
        line = self.line
        if line is None:
            return
        frames = [line.down.popleft() for _ in range(min(count, len(line.down)))]
        if frames:
            for frame in frames:
                if '"epoch"' in frame:
                    line.heard = frame if '"type":"messages"' in frame else ""
            self._act("hear", *frames)

    def again(self) -> None:
        """Let the newest messages arrive once more, as the protocol allows."""
        if self.line is not None and self.line.heard:
            self._act("hear", self.line.heard)

    def accept(self) -> None:
        """End the page's attempt to connect."""
        if self._state != CONNECTING:
            return
        if self.down:
            self._drop(BROKEN)
            return
        self.line = Line(self.room.hub)
        self._act("open")

    def cut(self, noticed: bool) -> None:
        """Break the connection: frames on their way are lost. The server may notice much later."""
        if self.line is None:
            return
        line, self.line = self.line, None
        if noticed:
            line.end()
        else:
            self.unnoticed.append(line)
        self._drop(BROKEN)

    def network(self, down: bool) -> None:
        """Let new connections fail or succeed."""
        self.down = down

    # The page

    def mount(self, slot: str, channel: str, labels: str | None, replay: int, limit: int) -> None:
        if slot in self.pipes and self.pipes[slot].mounted:
            return
        answer = self._act("mount", slot, channel, labels and list(labels), replay, limit)
        now = len(self.sent)
        if answer.result == "kept":  # it returns to its slot, perhaps from another channel
            pipe = self._places[slot, channel]
            pipe.mounted, pipe.replay = True, max(pipe.replay, replay)
            pipe.relabel(labels, now)
        elif answer.result == "resumed":  # it returns later
            pipe = self._left[slot, channel, labels]
            pipe.comes_back(replay)
        else:
            pipe = self.make_pipe(channel, labels, replay, now)
        self.pipes[slot] = self._places[slot, channel] = pipe
        self._look(answer)

    def unmount(self, slot: str) -> None:
        if slot in self.pipes and self.pipes[slot].mounted:
            pipe = self.pipes[slot]
            pipe.mounted = False
            self._left[slot, pipe.channel, pipe.wanted] = pipe
            self._act("unmount", slot)

    def leave(self, slot: str) -> None:
        """Unmount a Pipe for so long that its subscription is removed."""
        self.unmount(slot)
        self.wait(6000)

    def remount(self, slot: str, replay: int, limit: int) -> None:
        """Mount a Pipe where it was last."""
        if slot in self.pipes:
            pipe = self.pipes[slot]
            self.mount(slot, pipe.channel, pipe.wanted, replay, limit)

    def relabel(self, slot: str, labels: str | None) -> None:
        pipe = self.pipes.get(slot)
        if pipe is not None and pipe.mounted:
            pipe.relabel(labels, len(self.sent))
            self._act("relabel", slot, labels and list(labels))

    def wait(self, milliseconds: int) -> None:
        """Move all clocks forward."""
        self.room.clock.now += milliseconds / 1000
        self._act("pass", milliseconds)

    def take(self, slot: str) -> None:
        """Let the callback of a Pipe take its next update."""
        pipe = self.pipes.get(slot)
        if pipe is None or not pipe.mounted:
            return
        came = self._act("take", slot).result
        pipe.takes(self.sent[number - 1] for number in came["values"])
        is_new = came["position"] and came["position"]["epoch"] != pipe.position.epoch
        hidden = is_new and came["lastGap"] and came["lastGap"]["to"]  # perhaps an unknown gap
        pipe.told(came["gaps"] + bool(hidden), self._gap(pipe, came), len(self.sent))
        if came["position"]:
            pipe.position = Position(came["position"]["epoch"], came["position"]["offset"])

    # The end

    def settle(self) -> None:
        """Let the network heal and everything arrive."""
        self.down = False
        self._come_to_rest()
        for _ in range(len(self.room.hub)):  # a heartbeat each, with offsets of others
            due = self.room.hub.beat()
            for wait in (0.0, due):  # everything due is answered before time goes on
                self.room.clock.now += wait
                self.beat()
                self.deliver(1000)
                self.serve()
        for slot in self.pipes:
            self.take(slot)

    def _come_to_rest(self) -> None:
        """Let everything arrive that is on its way."""
        for _ in range(100):
            if not any(pipe.mounted for pipe in self.pipes.values()):
                return
            if not self._comes_closer():
                break
        else:
            raise AssertionError("it never comes to rest")

    def _comes_closer(self) -> bool:
        """Do what is next until everything has arrived; return False if nothing is left."""
        self.serve()
        if self._state == CONNECTING:
            self.accept()
        elif self._state == CLOSED:
            self.wait(16_000)
        elif self.line is not None and self.line.rejected:
            self._drop(4408)
        elif self.line is not None and self.line.down:
            self.deliver(1000)
        else:
            return self.line is not None and bool(self.line.up)
        return True

    def check(self) -> None:
        """Assert that everything due arrived or was reported as lost, and nothing else arrived."""
        status = self._act("look").status
        for slot, pipe in self.pipes.items():
            if pipe.mounted:
                assert status[slot] == "open"
                assert pipe.position == self._end(pipe.channel)
            missing = [
                sent
                for sent in pipe.missing(self.sent, to_the_end=pipe.mounted)
                # What is gone was due only if the Pipe was open before.
                if sent.number not in self.gone or sent.number > pipe.listening[sent.label].sure
            ]
            assert not missing, f"{slot} was not given {missing}; its gaps are {pipe.gaps}"
            assert not list(pipe.excess()), f"{slot} was given {list(pipe.excess())}"
            for gap in pipe.gaps:
                assert gap.last is not None or self.upheavals

    # Inside

    def _rolled_back(self, channel: str, log: Log, epoch: str, past: Past) -> Snapshot:
        """Return what is left of a log up to where its present epoch ends."""
        head = past[-1].offset if past else 0
        kept = [m for m in map(Message.of, log.read(0, None, 2**30).rows) if m.offset <= head]
        offsets = {message.offset for message in kept}
        first = next(offset for offset in range(head, -1, -1) if offset not in offsets) + 1
        lost = {
            sent.label: sent.offset
            for sent in self.sent
            if sent.channel == channel
            and sent.offset <= head
            and sent.offset not in offsets
            and _is_in(past, sent)
        }
        window = [message for message in kept if message.offset >= first]
        beside = [message for message in kept if message.offset < first]
        return Snapshot(epoch, head, window, beside, lost, 0, past)

    def _end(self, channel: str) -> Position:
        log = self.room.broker.open(channel)
        self.room.broker.close(channel)
        return log.end

    def _gap(self, pipe: Pipe, came: dict[str, Any]) -> Gap | None:
        gap = came["lastGap"]
        if gap is None:
            return None
        epoch = came["position"]["epoch"]
        past = self.pasts.get(epoch, ())
        if gap["to"] is None:
            before = pipe.position.epoch if pipe.position.epoch != epoch else None
            return Gap(before, gap["from"], None, epoch, past)
        described = Gap(epoch, gap["from"], gap["to"], epoch, past)
        if came["gaps"] == 1 and gap["cause"] == "window":
            lost = [
                sent
                for sent in self.sent
                if sent.channel == pipe.channel
                and sent.label in pipe.labels
                and sent.number not in pipe.taken
                and described.covers(sent)
            ]
            assert lost, f"{gap} is told, and nothing is lost"
        return described

    def _drop(self, code: int) -> None:
        """End the page's connection, or its attempt."""
        if self.line is not None:
            self.line.end()
            self.line = None
        if self._state in {CONNECTING, OPEN}:
            self._act("drop", code)

    def _act(self, name: str, *arguments: object) -> Answer:
        answer = self.page.act(name, *arguments)
        self._state = answer.state
        if self.line is not None and (answer.sockets > self._sockets or answer.state == CLOSED):
            self.unnoticed.append(self.line)  # the page gave it up
            self.line = None
        self._sockets = answer.sockets
        if self.line is not None:
            self.line.up.extend(answer.sent)
        self._look(answer)
        return answer

    def _look(self, answer: Answer) -> None:
        for slot, status in answer.status.items():
            pipe = self.pipes.get(slot)
            if pipe is not None and pipe.mounted and status == "open":
                pipe.says_open(len(self.sent))


def _is_in(past: Past, sent: Sent) -> bool:
    """Return whether a log with this past has, or had, a message of its earlier epochs."""
    return translate(past, Position(sent.epoch, sent.offset))[0] == sent.offset


def run(page: Page, schedule: list[tuple[Any, ...]]) -> None:
    world = World(page)
    for name, *arguments in schedule:
        getattr(world, name)(*arguments)
    world.settle()
    world.check()
