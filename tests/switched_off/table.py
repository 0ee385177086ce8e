"""What the browser tests of "nothing is lost" are about, each with a way to switch it off."""

from __future__ import annotations

from dataclasses import dataclass

FILES = (
    *("background", "labels", "minute", "paged", "pacing", "replaying", "resume"),
    *("sleepy", "socketed", "switches", "throttled"),
)
"""The test modules each of whose tests has to fail for one of ``SWITCHES``."""


@dataclass(frozen=True)
class Switch:
    """A mechanism and how to switch it off.

    Attributes:
        off: what is the matter when it is off.
        file: where it stands, from the root of the project.
        was: what stands there once, and no second time.
        now: what stands there instead.
        fails: the tests that have to fail then, as ``module::test`` or ``module::test[case]``,
            where the module is without its ``test_`` and the test without its.
    """

    off: str
    file: str
    was: str
    now: str
    fails: tuple[str, ...]


PACED = (
    *("two_pipes_on_one_callback_keep_each_other_s_results", "a_pipe_takes_no_result_from_a_click"),
    *("patches_come_after_the_initial_call_that_they_build_on",),
    *("a_pipe_waits_for_the_end_of_the_chain_that_it_feeds",),
    *("a_promise_holds_its_pipe_until_it_is_kept",),
    *("a_callback_that_raises_does_not_stop_its_pipe",),
    *("an_output_that_is_taken_away_does_not_stop_its_pipe", "match_and_all_keep_every_result"),
    *("what_a_full_buffer_gives_up_is_told", "status_waits_for_its_callback_too"),
    *("a_pipe_that_is_held_for_long_says_so_once",),
)

SWITCHES = (
    Switch(
        "no Pipe waits for the callbacks it feeds",
        "src/pacing.ts",
        "busy.has(pipe.id)",
        'busy.has("")',
        (
            *[f"pacing::{test}" for test in PACED],
            "background::a_job_in_the_background_holds_its_pipe_and_no_other",
            "socketed::a_callback_on_a_websocket_holds_its_pipe",
        ),
    ),
    Switch(
        "a Pipe waits for every callback, its own or not",
        "src/pacing.ts",
        "busy.has(pipe.id)",
        "busy.size",
        (
            "pacing::a_pipe_that_is_state_alone_waits_for_nobody",
            "background::a_job_in_the_background_holds_its_pipe_and_no_other",
        ),
    ),
    Switch(
        "a Pipe does not wait for the end of a chain",
        "src/dash.ts",
        "predecessors.map(",
        "predecessors.slice(99).map(",
        ("pacing::a_pipe_waits_for_the_end_of_the_chain_that_it_feeds",),
    ),
    Switch(
        "a Pipe that is held says so again and again",
        "src/pacing.ts",
        "if (entry.warned) return;",
        "",
        ("pacing::a_pipe_that_is_held_for_long_says_so_once",),
    ),
    Switch(
        "the buffer has no end",
        "src/subscription.ts",
        "Math.max(0, rows.length - this.bufferSize)",
        "0 * this.bufferSize",
        ("pacing::what_a_full_buffer_gives_up_is_told",),
    ),
    Switch(
        "updates keep no distance",
        "src/pacing.ts",
        "else if (this.now() < due)",
        "else if (due < 0)",
        ("throttled::updates_keep_their_distance_and_lose_nothing",),
    ),
    Switch(
        "a new connection does not say where the page stands",
        "src/channel.ts",
        "if (this.position) frame.since",
        'if (this.position?.epoch === "") frame.since',
        (
            "resume::a_pipe_mounted_while_the_line_is_dead_begins_when_it_is_back",
            "resume::labels_changed_while_the_line_is_dead",
            "resume::a_chatty_label_neither_evicts_a_quiet_one_nor_counts_gaps_for_it",
            "sleepy::a_laptop_that_slept_goes_on_where_it_was",
            "paged::a_page_that_the_browser_put_aside_goes_on",
        ),
    ),
    Switch(
        "what waits is thrown away when the labels change",
        "src/subscription.ts",
        "this.rows = this.rows.filter(stays);",
        "this.rows = [];",
        tuple(
            f"resume::what_is_kept_of_the_labels_misses_nothing[{case}]"
            for case in ("widened", "widened-to-all", "narrowed", "narrowed-from-all")
        ),
    ),
    Switch(
        "what waits is kept for labels that are gone",
        "src/subscription.ts",
        "this.rows = this.rows.filter(stays);",
        "",
        tuple(
            f"resume::what_is_kept_of_the_labels_misses_nothing[{case}]"
            for case in ("narrowed", "narrowed-from-all", "changed")
        ),
    ),
    Switch(
        "a change of labels makes all of them new",
        "src/subscription.ts",
        "const kept = (labels ?? this.labels ?? []).filter(started);",
        "const kept = (labels ?? this.labels ?? []).filter((label) => !label && started(label));",
        (
            "resume::only_new_labels_are_replayed",
            "resume::labels_changed_while_the_line_is_dead",
        ),
    ),
    Switch(
        "a Pipe keeps the labels it was mounted with",
        "src/connection.ts",
        "subscription.setLabels(options.labels, options.replay)",
        "subscription.setLabels(subscription.labels, options.replay)",
        ("switches::a_callback_changes_the_label",),
    ),
    Switch(
        "a Pipe that waits for the past lets go of what comes meanwhile",
        "src/subscription.ts",
        "(this.awaitingReplay ? this.heldRows : this.rows).push(...news);",
        "if (!this.awaitingReplay) this.rows.push(...news);",
        ("resume::the_past_that_live_messages_overtake_has_each_once",),
    ),
    Switch(
        "what came while a Pipe waited for the past comes twice",
        "src/subscription.ts",
        "this.heldRows.filter(([offset, label]) => this.accepts(label, offset))",
        "this.heldRows",
        ("resume::the_past_that_live_messages_overtake_has_each_once",),
    ),
    Switch(
        "a Pipe that joins begins where it pleases",
        "src/subscription.ts",
        "this.startOffset = Math.min(this.startOffset, position.offset);",
        "this.startOffset = Math.min(this.startOffset, position.offset + 9);",
        ("resume::pipes_that_come_later_join_a_stream_without_a_hole",),
    ),
    Switch(
        "no Pipe asks for the past",
        "src/subscription.ts",
        "this.awaitingReplay = replay > 0;\n  }\n\n  /** Return true if a row",
        "this.awaitingReplay = false;\n  }\n\n  /** Return true if a row",
        (
            "resume::pipes_that_come_later_join_a_stream_without_a_hole",
            "resume::the_past_that_live_messages_overtake_has_each_once",
            *[
                f"resume::replay_begins_with_the_newest_of_each_label[{case}]"
                for case in ("one", "two", "all")
            ],
            "resume::a_pipe_mounted_while_the_line_is_dead_begins_when_it_is_back",
            "replaying::a_page_begins_with_the_newest_message_of_each_label",
            "replaying::a_reload_begins_with_it_again",
        ),
    ),
    Switch(
        "the past is the newest messages, of whatever label",
        "dash_pipe/log/log.py",
        "return self._kept(0, head, labels) + self._window.newest(labels, last, head)",
        "return self._window.newest(labels, last, head)[-last:]",
        (
            "replaying::a_page_begins_with_the_newest_message_of_each_label",
            "resume::replay_begins_with_the_newest_of_each_label[two]",
            "resume::replay_begins_with_the_newest_of_each_label[all]",
        ),
    ),
    Switch(
        "the newest message of a quiet label is not kept",
        "dash_pipe/log/log.py",
        "if self._newest.get(message.label) is not message:",
        "if self._newest.pop(message.label, None):",
        ("resume::a_chatty_label_neither_evicts_a_quiet_one_nor_counts_gaps_for_it",),
    ),
    Switch(
        "a loss counts for every label",
        "src/channel.ts",
        "subscription.accepts(each, offset)),",
        "subscription.accepts(each, offset) || each),",
        ("resume::a_chatty_label_neither_evicts_a_quiet_one_nor_counts_gaps_for_it",),
    ),
    Switch(
        "a channel that began anew is not noticed",
        "src/channel.ts",
        "subscription.position.epoch !== epoch",
        'subscription.position.epoch === ""',
        ("resume::a_channel_forgotten_and_begun_again_is_a_gap",),
    ),
    Switch(
        "nobody is told that the line is cut",
        "src/connection.ts",
        "this.socket.rejection);\n      this.updateStatus(channel);",
        "this.socket.rejection);",
        (
            "resume::status_tells_of_the_line",
            "pacing::status_waits_for_its_callback_too",
        ),
    ),
    Switch(
        "a connection that died without a word is not noticed",
        "src/socket.ts",
        'else this.handleClose(1006, "");',
        "",
        ("sleepy::a_laptop_that_slept_goes_on_where_it_was",),
    ),
    Switch(
        "a page whose network is back waits for a timer",
        "src/socket.ts",
        'this.watchPage("addEventListener");',
        "",
        ("sleepy::a_laptop_that_slept_goes_on_where_it_was",),
    ),
    Switch(
        "a Pipe that is unmounted is gone at once",
        "src/connection.ts",
        "setTimeout(() => this.remove(left), LINGER)",
        "setTimeout(() => this.remove(left), 0 * LINGER)",
        ("paged::a_pipe_comes_back_with_its_page_and_missed_nothing",),
    ),
    Switch(
        "a Pipe that comes back is not known again",
        "src/pipe_subscription.ts",
        "return !!this.lingerTimer &&",
        "return !this.lingerTimer &&",
        (
            "paged::a_pipe_comes_back_with_its_page_and_missed_nothing",
            "paged::the_same_id_on_the_next_page_goes_on",
        ),
    ),
    Switch(
        "a Pipe that is unmounted is never gone",
        "src/connection.ts",
        "setTimeout(() => this.remove(left), LINGER)",
        "setTimeout(() => this.remove(left), 99 * LINGER)",
        ("paged::a_pipe_that_was_away_for_longer_begins_anew",),
    ),
    Switch(
        "a Pipe that is unmounted goes on listening",
        "src/mount.ts",
        "removeFromPacer();\n    close();",
        "close.name;",
        (
            "paged::going_to_and_fro_leaves_one_listener",
            "switches::a_disabled_pipe_hears_nothing_until_it_is_enabled",
        ),
    ),
    Switch(
        "a Pipe that was disabled takes its place up again",
        "src/mount.ts",
        "starts.current++;",
        "starts.current += 0;",
        ("switches::a_disabled_pipe_hears_nothing_until_it_is_enabled",),
    ),
    Switch(
        "labels do not matter",
        "src/subscription.ts",
        "return has(this.labels, label) &&",
        "return !!label &&",
        ("labels::a_pipe_hears_its_labels_on_its_channel_and_no_others",),
    ),
    Switch(
        "each Pipe has a socket of its own",
        "src/connection.ts",
        "connections.get(url) ??",
        "connections.get(`${connections.size}`) ??",
        ("labels::five_pipes_share_one_socket",),
    ),
    Switch(
        "what Dash remembers for its undo button stays",
        "src/dash.ts",
        "while (past.length &&",
        "while (past.length < 0 &&",
        ("minute::no_frame_is_dropped_and_no_memory_kept",),
    ),
    Switch(
        "an update waits for a timer",
        "src/pacing.ts",
        "this.clock.queueMicrotask(() => this.flush());",
        "this.clock.setTimeout(() => this.flush(), 50);",
        ("minute::no_frame_is_dropped_and_no_memory_kept",),
    ),
)
