"""Bugs in how an update is judged, fails, goes back, bakes, and takes its stack with it."""

from __future__ import annotations

from tests.mutants.mutant import AIM, ATTEMPT, GOBACK, PASS, RELEASES, ROLLOUT, UPDATES, Mutant

FAILING = (
    Mutant(
        "what failed is tried again at once",
        "decide/attempt.py",
        "    return replace(history, attempt=None, failed=failed, failed_for=asked)\n",
        "    return replace(history, attempt=None)\n",
        (
            f"{UPDATES}::test_a_bad_release_is_taken_back_whichever_replica_fails",
            f"{RELEASES}::test_a_bad_release_is_tried_once_and_never_again",
        ),
    ),
    Mutant(
        "what failed stays in quarantine when something else is asked for",
        "decide/service.py",
        "if history.failed_for not in (None, asked):",
        "if False:",
        (f"{AIM}::test_what_failed_is_forgotten_when_something_else_is_asked_for",),
    ),
    Mutant(
        "a rollback is rolled back",
        "decide/aim.py",
        "if (failed := history.failed.get(history.good or asked)) is not None:",
        "if (failed := None) is not None:",
        (
            f"{AIM}::test_which_release_is_aimed_at",
            f"{RELEASES}::test_a_way_back_that_fails_ends_and_says_so",
        ),
    ),
    Mutant(
        "the release that failed forgets the failure of the way back",
        "decide/attempt.py",
        "{**(history.failed if history.failed_for == asked else {}), attempt.release: failure.why}",
        "{attempt.release: failure.why}",
        (f"{ATTEMPT}::test_the_failure_of_the_way_back_is_kept_beside_the_first",),
    ),
    Mutant(
        "a failure is acted on in the pass that sees it",
        "decide/service.py",
        "conclude(case, parts, Moves(wake_at=case.now + SOON), (Phase",
        "conclude(case, parts, _find_moves(case, parts), (Phase",
        (f"{ATTEMPT}::test_one_failure_takes_an_update_back_and_the_pass_that_says_so_does_nothing",),
    ),
    Mutant(
        "a new replica is not watched",
        "decide/attempt.py",
        "return since + (0.0 if case.want.update.watch is Watch.READY else case.want.update.monitor)",
        "return since",
        (
            f"{ATTEMPT}::test_a_new_replica_is_watched_before_the_next_batch_unless_the_policy_says_otherwise",
            f"{RELEASES}::test_a_release_that_dies_while_it_is_watched_costs_no_serving_one",
        ),
    ),
    Mutant(
        "the clock of progress never rests",
        "decide/attempt.py",
        "elif moves.rests or case.aim.course is Course.HALTED:",
        "elif False:",
        (
            f"{ATTEMPT}::test_the_clock_rests_while_a_gate_is_shut_and_begins_anew_with_each_that_settles",
            f"{RELEASES}::test_time_in_which_a_dependency_was_down_runs_against_no_release",
        ),
    ),
    Mutant(
        "the deadline of progress counts time in which nobody watched",
        "decide/attempt.py",
        "return max(attempt.clock, case.seen.since) + case.want.update.progress_deadline",
        "return attempt.clock + case.want.update.progress_deadline",
        (f"{ATTEMPT}::test_without_progress_it_has_failed_when_its_time_is_over",),
    ),
    Mutant(
        "there is no deadline for progress",
        "decide/attempt.py",
        "if deadline is None or attempt is None or case.now < deadline:",
        "if True:",
        (f"{ATTEMPT}::test_without_progress_it_has_failed_when_its_time_is_over",),
    ),
    Mutant(
        "what we end ourselves has failed",
        "decide/attempt.py",
        "return ended >= case.seen.since and not was_put_down(case, replica)",
        "return ended >= case.seen.since",
        (f"{ATTEMPT}::test_what_is_no_failure_of_an_update",),
    ),
    Mutant(
        "what ended while nobody watched has failed",
        "decide/attempt.py",
        "return ended >= case.seen.since and not was_put_down(case, replica)",
        "return not was_put_down(case, replica)",
        (f"{ATTEMPT}::test_what_is_no_failure_of_an_update",),
    ),
    Mutant(
        "failures are not kept by life",
        "decide/attempt.py",
        "return attempt._replace(failures=attempt.failures | new)",
        "return attempt._replace(failures=frozenset(new))",
        (f"{ATTEMPT}::test_a_failure_counts_once_however_often_it_is_seen_and_also_when_it_is_gone",),
    ),
    Mutant(
        "each restart under continue is another replica in flight",
        "decide/attempt.py",
        "return is_settled(case, replica) or has_been_let_pass(case, replica)",
        "return is_settled(case, replica)",
        (f"{UPDATES}::test_continue_counts_a_failed_one_as_done",),
    ),
    Mutant(
        "the pause between two batches is not kept",
        "decide/rollout.py",
        "    if (until := _delayed_until(case, parts)) is not None:",
        "    if (until := None) is not None:",
        (f"{ATTEMPT}::test_between_two_batches_the_policys_delay_is_kept",),
    ),
    Mutant(
        "a release that is fine at first is never taken back",
        "decide/attempt.py",
        "if case.want.update.bake <= 0 or good is None or is_release(attempt.release, good):",
        "if True:",
        (
            f"{ATTEMPT}::test_after_its_success_a_release_is_baked_and_the_one_before_is_kept_in_mind",
            f"{RELEASES}::test_what_dies_in_its_bake_is_taken_back",
        ),
    ),
    Mutant(
        "a bake is forgotten when the controller is started again",
        "decide/attempt.py",
        "return attempt.settled_at <= case.now < attempt",
        "return case.seen.since <= attempt.settled_at <= case.now < attempt",
        (f"{RELEASES}::test_what_dies_in_its_bake_is_taken_back",),
    ),
    Mutant(
        "a release that bakes counts as good for the whole stack",
        "loop/reconcile.py",
        "if any(history.attempt is not None for _, history in known):",
        "if False:",
        ("tests/component/test_loop_settled.py",),
    ),
    Mutant(
        "a release is worse because it fails as often as the one before",
        "decide/attempt.py",
        "if failed <= most + (attempt.baseline if attempt.settled_at is not None else 0):",
        "if failed <= most:",
        (f"{ATTEMPT}::test_a_release_that_fails_no_oftener_than_the_one_before_is_not_worse",),
    ),
    Mutant(
        "a serving replica leaves although the floor does not serve without it",
        "decide/rollout.py",
        "in_order[len(idle) :][: max(0, serving - floor)]",
        "in_order[len(idle) :]",
        (f"{ROLLOUT}::test_never_below_the_floor_never_above_the_cap",),
    ),
    Mutant(
        "a batch is begun in front of a shut gate",
        "decide/rollout.py",
        "    if not _batch_begun(case, parts) and (shut := _find_gate(case, parts)):\n"
        "        return shut._replace(steps=_clear_away(case, parts))\n",
        "",
        (
            f"{ROLLOUT}::test_replacing",
            f"{PASS}::test_updates_follow_the_order_of_dependencies",
        ),
    ),
    Mutant(
        "a halted service is not healed",
        "decide/service.py",
        "kept = parts.fresh + parts.stale if case.aim.course is Course.HALTED else parts.fresh",
        "kept = parts.fresh",
        (
            f"{AIM}::test_what_is_done_on_a_course",
            f"{RELEASES}::test_a_paused_update_is_kept_in_shape",
        ),
    ),
    Mutant(
        "a halted update goes on",
        "decide/rollout.py",
        '    if case.aim.course is Course.HALTED:\n        return Moves(reason="UpdateHalted"',
        '    if False:\n        return Moves(reason="UpdateHalted"',
        (
            f"{AIM}::test_what_is_done_on_a_course",
            f"{UPDATES}::test_pause_leaves_all_as_it_is_when_one_fails",
        ),
    ),
    Mutant(
        "what a person undid is done again",
        "decide/aim.py",
        "if history.pinned is not None and history.pinned_over == want.revision:",
        "if False:",
        (f"{AIM}::test_which_release_is_aimed_at",),
    ),
    Mutant(
        "a failed release takes nothing of its stack back",
        "decide/stack.py",
        "return find_way_back(self._failed, self.world.desired.services, self._history, self.world.settled)",
        "return NOWHERE",
        (
            f"{GOBACK}::test_all_that_the_generation_changed_goes_back_dependents_first",
            f"{RELEASES}::test_a_stack_goes_back_as_a_whole",
        ),
    ),
    Mutant(
        "an irreversible service is taken back with its stack",
        "decide/goback.py",
        "return (ran or settled) and (service.irreversible is True or (ran and service.irreversible is None))",
        "return False",
        (
            f"{GOBACK}::test_where_the_stack_goes_back_to",
            f"{RELEASES}::test_what_cannot_be_undone_bars_the_way_back_of_its_stack",
        ),
    ),
    Mutant(
        "a job is run backwards",
        "decide/aim.py",
        " and not _ran_to_its_end(want, history):",
        ":",
        (
            f"{AIM}::test_which_release_is_aimed_at",
            f"{RELEASES}::test_a_reversible_job_is_not_run_backwards",
        ),
    ),
    Mutant(
        "on the way back dependents do not go first",
        "decide/rollout.py",
        "if case.go_first and parts.ready:",
        "if False:",
        (
            f"{AIM}::test_what_is_done_on_a_course",
            f"{GOBACK}::test_all_that_the_generation_changed_goes_back_dependents_first",
        ),
    ),
    Mutant(
        "a broken service waits for its dependents, which wait for it",
        "decide/rollout.py",
        "if case.go_first and parts.ready:",
        "if case.go_first:",
        (
            f"{AIM}::test_what_is_done_on_a_course",
            f"{RELEASES}::test_a_broken_dependency_goes_back_before_its_dependents",
        ),
    ),
    Mutant(
        "on the way back the gates are waited for that what failed has shut",
        "decide/rollout.py",
        "    elif (waits_for := unmet",
        "    if (waits_for := unmet",
        (f"{RELEASES}::test_a_broken_dependency_goes_back_before_its_dependents",),
    ),
    Mutant(
        "an update goes on beside a dependency that went back",
        "decide/phase.py",
        "return case.aim.course in (None, Course.PINNED) or not case.history.failed",
        "return True",
        (f"{RELEASES}::test_who_depends_on_what_went_back_is_not_updated",),
    ),
    Mutant(
        "what has just failed goes back in the very pass that another one fails in",
        "decide/stack.py",
        "                self._just_failed.add(name)\n",
        "                pass\n",
        (f"{GOBACK}::test_two_that_fail_in_one_pass_are_both_written_down_before_anything_follows",),
    ),
    Mutant(
        "on the way back a dependent that is halted is waited for",
        "decide/stack.py",
        "if aimed.course not in WAYS_BACK or aimed.frozen",
        "if aimed.course is None or aimed.frozen",
        (f"{GOBACK}::test_nobody_waits_for_a_dependent_that_is_halted_where_it_is",),
    ),
)
