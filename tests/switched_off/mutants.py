"""The faults that the random schedules, or the tests named here, must find.

Each is one change of the sources. `make mutants` makes them one at a time, in a temporary worktree.
"""

from __future__ import annotations

from switched_off.changes import Body, Replace, Skip
from switched_off.table import Switch

MEMORY = "tests/schedules/test_schedules.py"
REDIS = "tests/schedules/test_redis_schedules.py"

# In the browser half. Without its position the page is given again what its Pipes drop, so nothing
# but a frame of the page shows that.
PAGE = (
    Switch(
        "a loss at a Pipe's position counts",
        "src/subscription.ts:Subscription.recordLoss",
        Replace("lost > known", "lost >= known && lost > 0"),
        (REDIS,),
    ),
    Switch(
        "a loss that is told twice counts twice",
        "src/subscription.ts:Subscription.recordLoss",
        Skip("this.lostUpTo"),
        (REDIS,),
    ),
    Switch(
        "the first frame of a replay is taken for its last",
        "src/subscription.ts:Subscription.receiveReplay",
        Replace("if (!done) return;", ""),
        (MEMORY,),
    ),
    Switch(
        "held rows are released before the replayed ones",
        "src/subscription.ts:Subscription.endReplay",
        Replace("replayed.concat(held).sort((a, b) => a[0] - b[0])", "held.concat(replayed)"),
        ("tests/js/epochs.test.ts",),
    ),
    Switch(
        "the page's position never advances",
        "src/channel.ts:Channel.advance",
        Replace(
            "if (this.position) this.position.offset = Math.max(this.position.offset, upto);", ""
        ),
        ("tests/js/connection.test.ts",),
    ),
    Switch(
        "a position above the head stays",
        "src/channel.ts:Channel.handleSubscribed",
        Replace("(subscription.position?.offset ?? 0) > offset", "false"),
        ("tests/js/protocol.test.ts",),
    ),
    Switch(
        "a replay of another epoch is taken",
        "src/channel.ts:Channel.handleReplayed",
        Replace("(subscription.position?.epoch ?? epoch) !== epoch", "false"),
        ("tests/js/protocol.test.ts",),
    ),
    Switch(
        "an end at the point of a rollback is a loss",
        "src/past.ts:lossOf",
        Replace("Math.max(offset, end ?? 0) > at", "Math.max(offset, end ?? 0) >= at"),
        (REDIS,),
    ),
    Switch(
        "a known end is not looked at",
        "src/past.ts:lossOf",
        Replace("Math.max(offset, end ?? 0)", "offset"),
        (REDIS,),
    ),
    Switch(
        "a position is not lowered to where its epoch ended",
        "src/past.ts:translate",
        Replace("Math.min(at, ended[1])", "at"),
        (REDIS,),
    ),
    Switch(
        "the epochs that a Pipe left are forgotten",
        "src/subscription.ts:Subscription.enterEpoch",
        Replace("before.left ?? new Map()", "new Map()"),
        (REDIS,),
    ),
    Switch(
        "the page does not name an epoch that the log has forgotten",
        "src/channel.ts:Channel.enterEpoch",
        Replace("inherit(past, position.epoch, this.past)", "past"),
        (REDIS,),
    ),
    Switch(
        "an unknown loss is not told",
        "src/subscription.ts:Subscription.addGap",
        Replace("this.lastGap = gap", 'gap.cause !== "unknown" && (this.lastGap = gap)'),
        (REDIS,),
    ),
)

# In the hub and the log.
SERVER = (
    Switch(
        "a log tells losses up to the position of the reader",
        "dash_pipe/log/losses.py:Losses.after",
        Replace(
            "[(lost, label) for label, lost in known.items() if lost > offset]",
            "[(lost, label) for label, lost in known.items() if lost >= offset]",
        ),
        ("tests/unit/test_log_loss.py",),
    ),
    Switch(
        "an unsubscribe is not heard",
        "dash_pipe/hub/subscriptions.py:Subscriptions.take",
        Skip("self._unsubscribe"),
        (MEMORY,),
    ),
    Switch(
        "a frame is shared across labels",
        "dash_pipe/hub/delivery.py:_read",
        Replace("(subscription.position, subscription.labels)", "(subscription.position, None)"),
        (MEMORY,),
    ),
    Switch(
        "a mirror that lags behind judges a position",
        "dash_pipe/hub/subscriptions.py:Subscriptions._open",
        Replace("since.offset > end.offset", "False"),
        (REDIS,),
    ),
    Switch(
        "a replay does not wait until the page knows the epoch",
        "dash_pipe/hub/delivery.py:Delivery._agree",
        Body("return True"),
        ("tests/unit/test_hub_past.py",),
    ),
    Switch(
        "a replay goes on although its messages are lost",
        "dash_pipe/hub/pending_replay.py:PendingReplay.enter",
        Skip("self._messages"),
        ("tests/unit/test_hub_past.py",),
    ),
    Switch(
        "a replay that was held back brings denied labels",
        "dash_pipe/hub/subscriptions.py:_subscribe",
        Skip("session.restrict_replays"),
        ("tests/unit/test_hub_renew.py",),
    ),
    Switch(
        "an answer that is older than a revoke counts",
        "dash_pipe/hub/permissions.py:Permissions.resolve",
        Replace("session.is_revoked, False", "False, False"),
        ("tests/unit/test_hub_commands.py",),
    ),
    Switch(
        "an end at the point of a rollback is a loss for the server",
        "dash_pipe/log/past.py:Ended.loss",
        Replace(
            "max(offset, self.newest) > self.offset", "max(offset, self.end or 0) >= self.offset"
        ),
        ("tests/unit/test_past.py",),
    ),
    Switch(
        "a reader of an earlier epoch is read from its old offset",
        "dash_pipe/log/past.py:translate",
        Replace("min(offset, ended.offset)", "offset"),
        (REDIS,),
    ),
)

# On the way to Redis. That a mirror goes on only if its end is left (`Mirror._goes_on`) is no row:
# the marks of the messages, which it compares as well, say the same.
LUA = "dash_pipe/brokers/redis/epochs.lua:"
BROKER = (
    Switch(
        "an end is not raised",
        LUA + "raise",
        Replace("    ended[3] = text(offset)\n", ""),
        (REDIS,),
    ),
    Switch(
        "a new run of Redis begins no epoch",
        LUA + "examine",
        Replace("if run ~= '' and run ~= began then", "if false then"),
        (REDIS,),
    ),
    Switch(
        "every call begins an epoch",
        LUA + "examine",
        Replace("if run ~= '' and run ~= began then", "if run ~= '' then"),
        (REDIS,),
    ),
    Switch(
        "an epoch that Redis has forgotten stays so",
        LUA + "learn",
        Replace("      is_news = true\n", ""),
        (REDIS,),
    ),
    Switch(
        "how far an epoch went stays forgotten",
        LUA + "learn",
        Replace("is_news = raise(epochs[i], last) or is_news", "is_news = is_news"),
        (REDIS,),
    ),
    Switch(
        "an epoch that was forgotten comes before older ones that parted there",
        LUA + "name_forgotten",
        Replace("until not epochs[i] or", "until true or"),
        ("tests/brokers/test_forgotten_epoch.py",),
    ),
    Switch(
        "what was in an evicted window is not lost",
        "dash_pipe/brokers/redis/window.lua:mend",
        Replace("      lose(gone[i], tonumber(gone[i + 1]))\n", ""),
        (REDIS,),
    ),
    Switch(
        "a mirror does not compare the runs of Redis",
        "dash_pipe/brokers/redis/mirror.py:Mirror._needs_check",
        Replace("run and head.run != run", "False"),
        (REDIS,),
    ),
    Switch(
        "a mirror does not report what it knows",
        "dash_pipe/brokers/redis/known.py:Known.is_missing",
        Body("return False"),
        (REDIS,),
    ),
    Switch(
        "a mirror does not learn what its process has sent",
        "dash_pipe/brokers/redis/mirror.py:Mirror.learn",
        Body(),
        (REDIS,),
    ),
    Switch(
        "an empty log begins again under its epoch after a cut",
        "dash_pipe/brokers/redis/sync.py:_anew",
        Replace("mirrored.heard_all", "True"),
        (REDIS,),
    ),
    Switch(
        "a mirror that is released takes along what it knew",
        "dash_pipe/brokers/redis/mirrors.py:Mirrors._release",
        Skip("self._heads.note"),
        (REDIS,),
    ),
)

MUTANTS = (*PAGE, *SERVER, *BROKER)
