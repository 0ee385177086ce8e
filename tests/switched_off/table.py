"""The mechanisms behind "nothing is lost", each with a way to switch it off.

The browser tests of a mechanism must fail while it is off.
"""

from __future__ import annotations

from dataclasses import dataclass

from switched_off.changes import Body, Change, Replace, Skip
from switched_off.edits import Edit

MODULES = (
    *("background", "labels", "minute", "paged", "pacing", "replaying", "resume"),
    *("rollback", "sleepy", "socketed", "switches", "tabbed", "throttled"),
)
"""The modules of tests/browser each of whose tests has to fail for one of ``SWITCHES``."""


@dataclass(frozen=True)
class Switch:
    """A mechanism and how to switch it off.

    Attributes:
        off: the fault while it is off.
        place: the file and the symbol to edit.
        change: the change of that symbol.
        fails: the tests that must fail, as ``module::test`` or ``module::test[case]``; the module
            is named without ``test_``.
    """

    off: str
    place: str
    change: Change
    fails: tuple[str, ...]

    @property
    def edit(self) -> Edit:
        """Return the edit that switches it off."""
        return Edit(self.place, self.change)


PACED = (
    "test_two_pipes_on_one_callback_lose_no_results",
    "test_pipe_and_button_on_one_callback_keep_results_of_clicks",
    "test_patches_sent_during_initial_call_are_applied_after_it",
    "test_pipe_at_start_of_callback_chain_waits_for_its_end",
    "test_pipe_on_clientside_promise_waits_until_it_resolves",
    "test_pipe_whose_callback_raises_receives_later_messages",
    "test_pipe_whose_output_is_removed_receives_later_messages",
    "test_pipes_in_match_and_all_callbacks_lose_no_results",
    "test_full_buffer_drops_oldest_messages_and_reports_gap",
    "test_status_as_input_waits_for_its_callback",
    "test_pipe_held_back_for_30_seconds_warns_once",
)

OUTLIVES = "test_page_that_outlives_redis_and_server_gets_later_messages_once_and_a_gap"
TELLS = "test_sender_from_before_the_rollback_tells_the_page_what_nobody_else_knew"

SWITCHES = (
    Switch(
        "a Pipe does not wait for the callbacks that it feeds",
        "src/pacing.ts:Pacer.flush",
        Replace("busy.has(pipe.id)", "false"),
        (
            *[f"pacing::{test}" for test in PACED],
            "background::test_background_callback_holds_only_its_own_pipe",
            "socketed::test_websocket_callback_holds_its_pipe",
        ),
    ),
    Switch(
        "a Pipe waits for callbacks that it does not feed",
        "src/pacing.ts:Pacer.flush",
        Replace("busy.has(pipe.id)", "busy.size > 0"),
        (
            "pacing::test_pipe_used_only_as_state_waits_for_no_callback",
            "background::test_background_callback_holds_only_its_own_pipe",
        ),
    ),
    Switch(
        "a Pipe does not wait for the end of a chain",
        "src/dash.ts:busyIds",
        Replace("callback.inputs", "[]"),
        ("pacing::test_pipe_at_start_of_callback_chain_waits_for_its_end",),
    ),
    Switch(
        "a Pipe that is held back warns repeatedly",
        "src/pacing.ts:Pacer.hold",
        Skip("entry.warned"),
        ("pacing::test_pipe_held_back_for_30_seconds_warns_once",),
    ),
    Switch(
        "the buffer has no limit",
        "src/subscription.ts:Subscription.trim",
        Body(),
        ("pacing::test_full_buffer_drops_oldest_messages_and_reports_gap",),
    ),
    Switch(
        "updates are not throttled",
        "src/pacing.ts:Pacer.flush",
        Replace("this.now() < due", "false"),
        ("throttled::test_throttled_updates_keep_interval_and_lose_nothing",),
    ),
    Switch(
        "a new connection does not send the page's position",
        "src/channel.ts:Channel.subscribeFrame",
        Skip("frame.since"),
        (
            "resume::test_pipe_mounted_while_disconnected_starts_after_reconnect",
            "resume::test_labels_changed_while_disconnected_lose_no_messages",
            "resume::test_busy_label_neither_evicts_quiet_label_nor_adds_gaps_to_it",
            "sleepy::test_page_after_laptop_sleep_resumes_at_its_position",
            "paged::test_page_restored_from_back_forward_cache_receives_missed_messages",
        ),
    ),
    Switch(
        "waiting messages are dropped when the labels change",
        "src/subscription.ts:Subscription.setLabels",
        Replace("this.rows.filter(stays)", "[]"),
        tuple(
            f"resume::test_changed_labels_keep_waiting_messages_of_kept_labels[{case}]"
            for case in ("widened", "widened-to-all", "narrowed", "narrowed-from-all")
        ),
    ),
    Switch(
        "waiting messages of removed labels are kept",
        "src/subscription.ts:Subscription.setLabels",
        Skip("this.rows"),
        tuple(
            f"resume::test_changed_labels_keep_waiting_messages_of_kept_labels[{case}]"
            for case in ("narrowed", "narrowed-from-all", "changed")
        ),
    ),
    Switch(
        "a change of labels makes all of them new",
        "src/subscription.ts:Subscription.setLabels",
        Skip("this.knownLabels"),
        (
            "resume::test_changed_labels_replay_only_new_labels",
            "resume::test_labels_changed_while_disconnected_lose_no_messages",
        ),
    ),
    Switch(
        "a Pipe keeps the labels that it was mounted with",
        "src/subscription.ts:Subscription.setLabels",
        Body("return false;"),
        ("switches::test_label_set_by_callback_changes_received_messages",),
    ),
    Switch(
        "live messages are dropped while a replay is awaited",
        "src/subscription.ts:Subscription.receive",
        Replace("this.heldRows", "[]"),
        ("resume::test_replay_overtaken_by_live_messages_delivers_each_once",),
    ),
    Switch(
        "live messages that are also replayed arrive twice",
        "src/subscription.ts:Subscription.endReplay",
        Replace("this.accepts(label, offset)", "true"),
        ("resume::test_replay_overtaken_by_live_messages_delivers_each_once",),
    ),
    Switch(
        "a Pipe that joins a channel starts too late",
        "src/subscription.ts:Subscription.startAt",
        Replace("Math.min(this.startOffset, position.offset)", "position.offset + 9"),
        ("resume::test_pipes_mounted_during_stream_receive_contiguous_messages",),
    ),
    Switch(
        "no Pipe requests a replay",
        "src/subscription.ts:Subscription.constructor",
        Replace("replay > 0", "false"),
        (
            "resume::test_pipes_mounted_during_stream_receive_contiguous_messages",
            "resume::test_replay_overtaken_by_live_messages_delivers_each_once",
            *[
                f"resume::test_replay_of_one_starts_with_newest_of_each_label[{case}]"
                for case in ("one", "two", "all")
            ],
            "resume::test_pipe_mounted_while_disconnected_starts_after_reconnect",
            "replaying::test_page_load_replays_newest_message_of_each_label",
            "replaying::test_page_reload_replays_newest_messages_again",
        ),
    ),
    Switch(
        "a replay is the newest messages of all labels together",
        "dash_pipe/log/log.py:Log.newest",
        Replace(
            "self._kept(0, head, labels) + self._window.newest(labels, last, head)",
            "self._window.newest(labels, last, head)[-last:]",
        ),
        (
            "replaying::test_page_load_replays_newest_message_of_each_label",
            "resume::test_replay_of_one_starts_with_newest_of_each_label[two]",
            "resume::test_replay_of_one_starts_with_newest_of_each_label[all]",
        ),
    ),
    Switch(
        "the newest message of a quiet label is not kept",
        "dash_pipe/log/log.py:Log._trim",
        Replace(
            "self._newest.get(message.label) is not message",
            "self._newest.pop(message.label, None)",
        ),
        ("resume::test_busy_label_neither_evicts_quiet_label_nor_adds_gaps_to_it",),
    ),
    Switch(
        "a loss counts for every label",
        "src/channel.ts:recordLoss",
        Replace("subscription.accepts(each, offset)", "true"),
        ("resume::test_busy_label_neither_evicts_quiet_label_nor_adds_gaps_to_it",),
    ),
    Switch(
        "a new epoch is not noticed",
        "src/subscription.ts:Subscription.enterEpoch",
        Replace("before.epoch === epoch", "true"),
        ("resume::test_channel_forgotten_while_disconnected_is_reported_as_gap",),
    ),
    Switch(
        "a lost connection does not change the status",
        "src/connection.ts:Connection.onClose",
        Skip("this.updateStatus"),
        (
            "resume::test_status_follows_connection_state",
            "pacing::test_status_as_input_waits_for_its_callback",
        ),
    ),
    Switch(
        "a connection that has gone silent is not closed",
        "src/socket.ts:Socket.checkTimeout",
        Skip("this.handleClose"),
        ("sleepy::test_page_after_laptop_sleep_resumes_at_its_position",),
    ),
    Switch(
        "a page that is back online waits for a timer",
        "src/socket.ts:Socket.start",
        Skip("this.watchPage"),
        ("sleepy::test_page_after_laptop_sleep_resumes_at_its_position",),
    ),
    Switch(
        "a Pipe that is unmounted is removed at once",
        "src/connection.ts:Connection.unsubscribe",
        Replace("LINGER", "0"),
        ("paged::test_pipe_remounted_within_seconds_receives_missed_messages",),
    ),
    Switch(
        "a Pipe that is mounted again is not recognized",
        "src/pipe_subscription.ts:PipeSubscription.isLingering",
        Body("return false;"),
        (
            "paged::test_pipe_remounted_within_seconds_receives_missed_messages",
            "paged::test_pipe_with_same_id_on_next_page_keeps_position",
        ),
    ),
    Switch(
        "a Pipe that is unmounted is never removed",
        "src/connection.ts:Connection.unsubscribe",
        Replace("LINGER", "99 * LINGER"),
        (
            "paged::test_pipe_remounted_after_linger_time_receives_missed_messages",
            "tabbed::test_pipe_in_a_tab_closed_for_long_receives_missed_messages",
        ),
    ),
    Switch(
        "the position of a Pipe that was removed is forgotten",
        "src/connection.ts:Connection.subscribe",
        Replace("positions.take(this.url, options)", "null"),
        (
            "paged::test_pipe_remounted_after_linger_time_receives_missed_messages",
            "tabbed::test_pipe_in_a_tab_closed_for_long_receives_missed_messages",
        ),
    ),
    Switch(
        "a Pipe that returns does not move the server's position",
        "src/connection.ts:Connection.sendSubscribe",
        Replace("channel.resumes && channel.subscribesSent", "false"),
        ("tabbed::test_pipe_in_a_tab_closed_for_long_receives_missed_messages",),
    ),
    Switch(
        "a Pipe that is unmounted is not unsubscribed",
        "src/mount.ts:mountPipe",
        Replace("() => { removeFromPacer(); close(); }", "() => {}"),
        (
            "paged::test_pipe_remounted_repeatedly_is_subscribed_once",
            "switches::test_disabled_pipe_receives_nothing_until_enabled",
        ),
    ),
    Switch(
        "a Pipe that was disabled resumes at its old position",
        "src/mount.ts:openSubscription",
        Replace("countDisabled(id)", "void id"),
        ("switches::test_disabled_pipe_receives_nothing_until_enabled",),
    ),
    Switch(
        "a Pipe receives every label",
        "src/subscription.ts:Subscription.accepts",
        Replace("has(this.labels, label)", "true"),
        ("labels::test_pipe_receives_only_its_labels_of_its_channel",),
    ),
    Switch(
        "each Pipe has its own socket",
        "src/connection.ts:connect",
        Replace("connections.get(url)", "undefined"),
        ("labels::test_five_pipes_on_one_page_share_one_socket",),
    ),
    Switch(
        "updates stay in Dash's undo history",
        "src/dash.ts:removeFromUndoHistory",
        Body(),
        ("minute::test_sixty_messages_a_second_drop_no_frame_and_keep_no_memory",),
    ),
    Switch(
        "an update waits for a timer",
        "src/pacing.ts:Pacer.wake",
        Replace("this.clock.queueMicrotask", "((flush) => this.clock.setTimeout(flush, 50))"),
        ("minute::test_sixty_messages_a_second_drop_no_frame_and_keep_no_memory",),
    ),
    Switch(
        "no process knows in which run of Redis it is",
        "dash_pipe/brokers/redis/connection.py:_server_run",
        Body('return ""'),
        (
            f"rollback::{OUTLIVES}",
            "rollback::test_sender_from_before_the_rollback_repeats_nothing_on_a_page_from_after_it",
        ),
    ),
    Switch(
        "a process forgets the newest messages that it knows",
        "dash_pipe/brokers/redis/heads.py:Heads.note",
        Body(),
        (f"rollback::{TELLS}",),
    ),
    Switch(
        "the losses that Redis names are dropped",
        "dash_pipe/brokers/redis/mirror.py:Mirror._load",
        Replace("reading.lost_rest", "head.offset"),
        ("rollback::test_quiet_pipe_counts_no_gap_when_a_chatty_label_overflowed_while_cut_off",),
    ),
    Switch(
        "a log that continues is read from its start",
        "src/past.ts:translate",
        Replace("[at, loss]", "[0, loss]"),
        (f"rollback::{OUTLIVES}",),
    ),
    Switch(
        "a page forgets the epochs that it left",
        "src/past.ts:leave",
        Replace("[position.epoch, ...before.keys()]", "[position.epoch]"),
        (f"rollback::{TELLS}",),
    ),
    Switch(
        "a page does not know where an epoch parted that Redis forgot",
        "src/past.ts:graft",
        Body("return past;"),
        ("rollback::test_second_rollback_to_the_same_moment_repeats_nothing[server-ends]",),
    ),
)
