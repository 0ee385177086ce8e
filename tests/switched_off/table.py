"""The mechanisms behind "nothing is lost", each with a way to switch it off.

The browser tests of a mechanism have to fail while it is off.
"""

from __future__ import annotations

from dataclasses import dataclass

from switched_off.changes import Body, Change, Replace, Skip
from switched_off.edits import Edit

MODULES = (
    *("background", "labels", "minute", "paged", "pacing", "replaying", "resume"),
    *("sleepy", "socketed", "switches", "throttled"),
)
"""The modules of tests/browser each of whose tests has to fail for one of ``SWITCHES``."""


@dataclass(frozen=True)
class Switch:
    """A mechanism and how to switch it off.

    Attributes:
        off: the fault that is there while it is off.
        place: the file and the symbol to edit.
        change: the change of that symbol.
        fails: the tests that have to fail, as ``module::test`` or ``module::test[case]``; the
            module is named without ``test_``.
    """

    off: str
    place: str
    change: Change
    fails: tuple[str, ...]

    @property
    def edit(self) -> Edit:
        """The edit that switches it off."""
        return Edit(self.place, self.change)


PACED = (
    "test_two_pipes_on_one_callback_keep_each_other_s_results",
    "test_a_pipe_takes_no_result_from_a_click",
    "test_patches_come_after_the_initial_call_that_they_build_on",
    "test_a_pipe_waits_for_the_end_of_the_chain_that_it_feeds",
    "test_a_promise_holds_its_pipe_until_it_is_kept",
    "test_a_callback_that_raises_does_not_stop_its_pipe",
    "test_an_output_that_is_taken_away_does_not_stop_its_pipe",
    "test_match_and_all_keep_every_result",
    "test_what_a_full_buffer_gives_up_is_told",
    "test_status_waits_for_its_callback_too",
    "test_a_pipe_that_is_held_for_long_says_so_once",
)

SWITCHES = (
    Switch(
        "a Pipe does not wait for the callbacks that it feeds",
        "src/pacing.ts:Pacer.flush",
        Replace("busy.has(pipe.id)", "false"),
        (
            *[f"pacing::{test}" for test in PACED],
            "background::test_a_job_in_the_background_holds_its_pipe_and_no_other",
            "socketed::test_a_callback_on_a_websocket_holds_its_pipe",
        ),
    ),
    Switch(
        "a Pipe waits for callbacks that it does not feed",
        "src/pacing.ts:Pacer.flush",
        Replace("busy.has(pipe.id)", "busy.size > 0"),
        (
            "pacing::test_a_pipe_that_is_state_alone_waits_for_nobody",
            "background::test_a_job_in_the_background_holds_its_pipe_and_no_other",
        ),
    ),
    Switch(
        "a Pipe does not wait for the end of a chain",
        "src/dash.ts:busyIds",
        Replace("callback.inputs", "[]"),
        ("pacing::test_a_pipe_waits_for_the_end_of_the_chain_that_it_feeds",),
    ),
    Switch(
        "a Pipe that is held back warns repeatedly",
        "src/pacing.ts:Pacer.hold",
        Skip("entry.warned"),
        ("pacing::test_a_pipe_that_is_held_for_long_says_so_once",),
    ),
    Switch(
        "the buffer has no limit",
        "src/subscription.ts:Subscription.trim",
        Body(),
        ("pacing::test_what_a_full_buffer_gives_up_is_told",),
    ),
    Switch(
        "updates are not throttled",
        "src/pacing.ts:Pacer.flush",
        Replace("this.now() < due", "false"),
        ("throttled::test_updates_keep_their_distance_and_lose_nothing",),
    ),
    Switch(
        "a new connection does not send the page's position",
        "src/channel.ts:Channel.subscribeFrame",
        Skip("frame.since"),
        (
            "resume::test_a_pipe_mounted_while_the_line_is_dead_begins_when_it_is_back",
            "resume::test_labels_changed_while_the_line_is_dead",
            "resume::test_a_chatty_label_neither_evicts_a_quiet_one_nor_counts_gaps_for_it",
            "sleepy::test_a_laptop_that_slept_goes_on_where_it_was",
            "paged::test_a_page_that_the_browser_put_aside_goes_on",
        ),
    ),
    Switch(
        "waiting messages are dropped when the labels change",
        "src/subscription.ts:Subscription.setLabels",
        Replace("this.rows.filter(stays)", "[]"),
        tuple(
            f"resume::test_what_is_kept_of_the_labels_misses_nothing[{case}]"
            for case in ("widened", "widened-to-all", "narrowed", "narrowed-from-all")
        ),
    ),
    Switch(
        "waiting messages of removed labels are kept",
        "src/subscription.ts:Subscription.setLabels",
        Skip("this.rows"),
        tuple(
            f"resume::test_what_is_kept_of_the_labels_misses_nothing[{case}]"
            for case in ("narrowed", "narrowed-from-all", "changed")
        ),
    ),
    Switch(
        "a change of labels makes all of them new",
        "src/subscription.ts:Subscription.setLabels",
        Skip("this.knownLabels"),
        (
            "resume::test_only_new_labels_are_replayed",
            "resume::test_labels_changed_while_the_line_is_dead",
        ),
    ),
    Switch(
        "a Pipe keeps the labels that it was mounted with",
        "src/subscription.ts:Subscription.setLabels",
        Body("return false;"),
        ("switches::test_a_callback_changes_the_label",),
    ),
    Switch(
        "live messages are dropped while a replay is awaited",
        "src/subscription.ts:Subscription.receive",
        Replace("this.heldRows", "[]"),
        ("resume::test_the_past_that_live_messages_overtake_has_each_once",),
    ),
    Switch(
        "live messages that are also replayed arrive twice",
        "src/subscription.ts:Subscription.endReplay",
        Replace("this.accepts(label, offset)", "true"),
        ("resume::test_the_past_that_live_messages_overtake_has_each_once",),
    ),
    Switch(
        "a Pipe that joins a channel starts too late",
        "src/subscription.ts:Subscription.startAt",
        Replace("Math.min(this.startOffset, position.offset)", "position.offset + 9"),
        ("resume::test_pipes_that_come_later_join_a_stream_without_a_hole",),
    ),
    Switch(
        "no Pipe requests a replay",
        "src/subscription.ts:Subscription.constructor",
        Replace("replay > 0", "false"),
        (
            "resume::test_pipes_that_come_later_join_a_stream_without_a_hole",
            "resume::test_the_past_that_live_messages_overtake_has_each_once",
            *[
                f"resume::test_replay_begins_with_the_newest_of_each_label[{case}]"
                for case in ("one", "two", "all")
            ],
            "resume::test_a_pipe_mounted_while_the_line_is_dead_begins_when_it_is_back",
            "replaying::test_a_page_begins_with_the_newest_message_of_each_label",
            "replaying::test_a_reload_begins_with_it_again",
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
            "replaying::test_a_page_begins_with_the_newest_message_of_each_label",
            "resume::test_replay_begins_with_the_newest_of_each_label[two]",
            "resume::test_replay_begins_with_the_newest_of_each_label[all]",
        ),
    ),
    Switch(
        "the newest message of a quiet label is not kept",
        "dash_pipe/log/log.py:Log._trim",
        Replace(
            "self._newest.get(message.label) is not message",
            "self._newest.pop(message.label, None)",
        ),
        ("resume::test_a_chatty_label_neither_evicts_a_quiet_one_nor_counts_gaps_for_it",),
    ),
    Switch(
        "a loss counts for every label",
        "src/channel.ts:lostFor",
        Replace("subscription.accepts(each, offset)", "true"),
        ("resume::test_a_chatty_label_neither_evicts_a_quiet_one_nor_counts_gaps_for_it",),
    ),
    Switch(
        "a new epoch is not noticed",
        "src/channel.ts:Channel.enterEpoch",
        Replace("subscription.position.epoch !== epoch", "false"),
        ("resume::test_a_channel_forgotten_and_begun_again_is_a_gap",),
    ),
    Switch(
        "a lost connection does not change the status",
        "src/connection.ts:Connection.onClose",
        Skip("this.updateStatus"),
        (
            "resume::test_status_tells_of_the_line",
            "pacing::test_status_waits_for_its_callback_too",
        ),
    ),
    Switch(
        "a connection that has gone silent is not closed",
        "src/socket.ts:Socket.checkTimeout",
        Skip("this.handleClose"),
        ("sleepy::test_a_laptop_that_slept_goes_on_where_it_was",),
    ),
    Switch(
        "a page that is back online waits for a timer",
        "src/socket.ts:Socket.start",
        Skip("this.watchPage"),
        ("sleepy::test_a_laptop_that_slept_goes_on_where_it_was",),
    ),
    Switch(
        "a Pipe that is unmounted is removed at once",
        "src/connection.ts:Connection.unsubscribe",
        Replace("LINGER", "0"),
        ("paged::test_a_pipe_comes_back_with_its_page_and_missed_nothing",),
    ),
    Switch(
        "a Pipe that is mounted again is not recognized",
        "src/pipe_subscription.ts:PipeSubscription.isLingering",
        Body("return false;"),
        (
            "paged::test_a_pipe_comes_back_with_its_page_and_missed_nothing",
            "paged::test_the_same_id_on_the_next_page_goes_on",
        ),
    ),
    Switch(
        "a Pipe that is unmounted is never removed",
        "src/connection.ts:Connection.unsubscribe",
        Replace("LINGER", "99 * LINGER"),
        ("paged::test_a_pipe_that_was_away_for_longer_begins_anew",),
    ),
    Switch(
        "a Pipe that is unmounted is not unsubscribed",
        "src/mount.ts:mountPipe",
        Replace("() => { removeFromPacer(); close(); }", "() => {}"),
        (
            "paged::test_going_to_and_fro_leaves_one_listener",
            "switches::test_a_disabled_pipe_hears_nothing_until_it_is_enabled",
        ),
    ),
    Switch(
        "a Pipe that was disabled resumes at its old position",
        "src/mount.ts:openSubscription",
        Replace("starts.current++", "starts.current"),
        ("switches::test_a_disabled_pipe_hears_nothing_until_it_is_enabled",),
    ),
    Switch(
        "a Pipe receives every label",
        "src/subscription.ts:Subscription.accepts",
        Replace("has(this.labels, label)", "true"),
        ("labels::test_a_pipe_hears_its_labels_on_its_channel_and_no_others",),
    ),
    Switch(
        "each Pipe has its own socket",
        "src/connection.ts:connect",
        Replace("connections.get(url)", "undefined"),
        ("labels::test_five_pipes_share_one_socket",),
    ),
    Switch(
        "updates stay in Dash's undo history",
        "src/dash.ts:removeFromUndoHistory",
        Body(),
        ("minute::test_no_frame_is_dropped_and_no_memory_kept",),
    ),
    Switch(
        "an update waits for a timer",
        "src/pacing.ts:Pacer.wake",
        Replace("this.clock.queueMicrotask", "((flush) => this.clock.setTimeout(flush, 50))"),
        ("minute::test_no_frame_is_dropped_and_no_memory_kept",),
    ),
)
