"""Known bugs of controllers, each as one exact change of our source, and the tests that are to catch it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` stands exactly once in `file` (below controller/). Each of `caught_by` alone has to fail with `new`."""

    bug: str
    file: str
    old: str
    new: str
    caught_by: tuple[str, ...]


HEAL = "tests/unit/decide/test_heal.py"
ROLLOUT = "tests/unit/decide/test_rollout.py"
PASS = "tests/unit/decide/test_pass.py"
JOB = "tests/unit/decide/test_job.py"
LEAVE = "tests/unit/decide/test_leave.py"
SLOTS = "tests/unit/decide/test_slots.py"
IMAGES = "tests/unit/decide/test_images_and_calls.py"
PURPOSE = "tests/property/test_updates_on_purpose.py"
ABSENCES = "tests/property/test_absences.py"
ADOPTED = "tests/property/test_adopted.py"
BACKOFF = "tests/property/test_backoff.py"
POINTS = "tests/property/test_crash_points.py"

MUTANTS = (
    Mutant(
        "the surge has no bound",
        "decide/rollout.py",
        "return min(missing, _parallelism(case) - in_flight, cap - (live + len(parts.fresh)))",
        "return missing",
        (f"{PURPOSE}::test_an_edit_with_a_scale_down_makes_nothing_new_before_there_is_room",),
    ),
    Mutant(
        "a create stands beside a remove",
        "decide/moves.py",
        "return len(steps) > 1 and any(isinstance(step, _ENDS) for step in steps)",
        "return False",
        (f"{ROLLOUT}::test_replacing", f"{POINTS}::test_death_at_any_place_changes_neither_the_end_nor_what_it_took"),
    ),
    Mutant(
        "a completed job is forgotten with its container",
        "decide/job.py",
        "return case.history.completed == case.want.revision or any(",
        "return any(",
        (f"{JOB}::test_a_declared_job", f"{ABSENCES}::test_a_job_that_ends_while_nobody_looks_has_ended"),
    ),
    Mutant(
        "a job that we stopped counts as completed",
        "decide/job.py",
        "return not was_put_down(case, replica)",
        "return True",
        (f"{JOB}::test_a_declared_job",),
    ),
    Mutant(
        "half a list is decided on",
        "decide/stack.py",
        "name not in world.busy and world.sees(name)",
        "name not in world.busy",
        (f"{PASS}::test_who_may_not_be_decided_is_left",),
    ),
    Mutant(
        "a service with calls in flight is decided",
        "decide/stack.py",
        "name not in world.busy and world.sees(name)",
        "world.sees(name)",
        (f"{PASS}::test_who_may_not_be_decided_is_left",),
    ),
    Mutant(
        "dependents are updated before what they depend on",
        "decide/rollout.py",
        "waits_for = unmet_need(case) or unsettled_need(case)",
        "waits_for = unmet_need(case)",
        (f"{PURPOSE}::test_dependents_are_updated_after_what_they_depend_on",),
    ),
    Mutant(
        "start-first begins in front of a shut gate",
        "decide/rollout.py",
        "    if parts.stale and not _batch_begun(case, parts) and (shut := _find_gate(case, parts)):\n"
        "        return shut\n",
        "",
        (f"{PURPOSE}::test_dependents_are_updated_after_what_they_depend_on",),
    ),
    Mutant(
        "a gate that shuts stops a batch that has begun",
        "decide/rollout.py",
        "    if not _batch_begun(case, parts) and (shut := _find_gate(case, parts)):",
        "    if shut := _find_gate(case, parts):",
        (f"{ROLLOUT}::test_replacing",),
    ),
    Mutant(
        "a free slot is lost when its waiter no longer wants it",
        "decide/stack.py",
        "    turn.refill()\n",
        "",
        (f"{PURPOSE}::test_a_slot_that_its_waiter_no_longer_wants_goes_to_the_next",),
    ),
    Mutant(
        "a start slot is held for ever",
        "decide/heal.py",
        "return tries_of(case, replica) < 2 and still_waits(",
        "return True or still_waits(",
        (f"{PURPOSE}::test_a_job_that_runs_long_gives_its_slot_back_with_the_start_timeout",),
    ),
    Mutant(
        "a serving replica is stopped before its successor has a slot",
        "decide/rollout.py",
        "if not case.may_begin and parts.stale_serve:",
        "if False:",
        (f"{PURPOSE}::test_a_serving_replica_is_not_stopped_before_its_successor_has_a_slot",),
    ),
    Mutant(
        "priorities are ignored",
        "decide/world.py",
        "return (-desired.services[name].priority, ahead, graph.index[name])",
        "return (0, ahead, graph.index[name])",
        (f"{PURPOSE}::test_priority_decides_who_gets_a_slot_first",),
    ),
    Mutant(
        "a deadline counts time in which nobody watched",
        "decide/heal.py",
        "deadline = max(begun, case.seen.since) + case.want.start_timeout",
        "deadline = begun + case.want.start_timeout",
        (f"{ABSENCES}::test_a_slow_start_gets_its_whole_time_again_after_an_absence",),
    ),
    Mutant(
        "serving old replicas leave before those that do not serve",
        "decide/rollout.py",
        "return tuple(sorted(live, key=lambda r: (is_ready(case, r), r.number))[:allowed])",
        "return tuple(sorted(live, key=lambda r: r.number)[:allowed])",
        (f"{PURPOSE}::test_unready_old_replicas_are_replaced_first_and_cost_no_serving_one",),
    ),
    Mutant(
        "old replicas leave for new ones that do not serve yet",
        "decide/rollout.py",
        "allowed = max(0, min(settled + len(live) - floor, at_once))",
        "allowed = max(0, min(len(parts.fresh) + len(live) - floor, at_once))",
        (f"{PURPOSE}::test_an_edit_with_a_scale_down_makes_nothing_new_before_there_is_room", ROLLOUT),
    ),
    Mutant(
        "a new replica that is about to follow its dependency takes somebody's place",
        "decide/rollout.py",
        "if is_ready(case, replica) and follow(case, replica) is NONE)",
        "if is_ready(case, replica))",
        (f"{PURPOSE}::test_a_new_replica_that_is_about_to_follow_its_dependency_takes_nobodys_place_yet",),
    ),
    Mutant(
        "serving replicas are the surplus",
        "decide/rollout.py",
        "key=lambda r: (is_ready(case, r), -r.number))[:excess]",
        "key=lambda r: (not is_ready(case, r), -r.number))[:excess]",
        (ROLLOUT,),
    ),
    Mutant(
        "a grant is counted, not keyed by the end that it answers",
        "decide/restart.py",
        "if granted is not None and granted.ended == ended:",
        "if False:",
        (f"{HEAL}::test_a_grant_is_keyed_by_the_end_that_it_answers",),
    ),
    Mutant(
        "the adoption baseline is missing",
        "decide/heal.py",
        "born = max(replica.started_at or 0.0, case.history.adopted_at or 0.0)",
        "born = replica.started_at or 0.0",
        (f"{ADOPTED}::test_a_dependency_that_was_replaced_before_we_came_restarts_nobody",),
    ),
    Mutant(
        "what fell over is started in front of a shut gate",
        "decide/heal.py",
        "    waits_for = unmet_need(case)\n    if waits_for is not None:",
        "    waits_for = None\n    if waits_for is not None:",
        (f"{HEAL}::test_healing_waits_for_the_gate",),
    ),
    Mutant(
        "a serving replica is restarted because its dependency fell",
        "decide/heal.py",
        "if need.restart and offers is not None and offers.healthy and _is_later(offers.epoch, born, case.now):",
        "if need.restart and offers is not None and not offers.healthy:",
        (f"{PURPOSE}::test_restart_true_follows_a_replacement_once_and_no_mere_restart",),
    ),
    Mutant(
        "a stale wake outlives a newer decision",
        "loop/queue.py",
        "                self._wakes.pop(key, None)\n            else:",
        "                pass\n            else:",
        ("tests/unit/loop/test_queue.py",),
    ),
    Mutant(
        "backoff runs on a wall clock that may be set back",
        "decide/restart.py",
        "if now < due and not was_set_back(begun, now):",
        "if now < due:",
        (HEAL,),
    ),
    Mutant(
        "wakes run on a wall clock that may be set back",
        "loop/queue.py",
        "        if back > SET_BACK:\n",
        "        if False:\n",
        ("tests/unit/loop/test_queue.py",),
    ),
    Mutant(
        "failed calls are tried again without end",
        "decide/service.py",
        "    if not still_waits(due, pause, case.now):\n        return moves\n    reason =",
        "    if True:\n        return moves\n    reason =",
        (f"{BACKOFF}::test_an_engine_that_only_fails_is_asked_less_and_less",),
    ),
    Mutant(
        "a crash loop is tried again without a pause",
        "decide/restart.py",
        "due = begun + backoff.delay(tries)",
        "due = begun",
        (f"{HEAL}::test_the_next_try_waits_from_the_start_of_the_last_one",),
    ),
    Mutant(
        "tries are forgiven as soon as it is ready",
        "decide/restart.py",
        "FORGIVEN_AFTER = 600.0",
        "FORGIVEN_AFTER = 0.0",
        (HEAL,),
    ),
    Mutant(
        "tries are never forgiven",
        "decide/restart.py",
        "return {id_: grant for id_, grant in granted.items() if id_ in present and id_ not in drop}",
        "return {id_: grant for id_, grant in granted.items() if id_ in present}",
        (f"{BACKOFF}::test_pauses_begin_anew_after_ten_good_minutes",),
    ),
    Mutant(
        "the old replica is stopped before the image is here",
        "decide/rollout.py",
        "    if image := fetch_image(case):\n        return image\n    if not _batch_begun",
        "    if not _batch_begun",
        (IMAGES,),
    ),
    Mutant(
        "a dependency is stopped before its dependents",
        "decide/leave.py",
        "    if alive and case.dependents:",
        "    if False:",
        (LEAVE,),
    ),
    Mutant(
        "a held stack is acted on",
        "decide/aim.py",
        "    if hold is not None:",
        "    if False:",
        (PASS,),
    ),
    Mutant(
        "anonymous volumes of replaced replicas are lost",
        "decide/service.py",
        "return replace(history, carried=history.carried + new) if new else history",
        "return history",
        (f"{ADOPTED}::test_anonymous_volumes_of_what_is_replaced_go_to_its_successors",),
    ),
    Mutant(
        "steps follow the order in which the engine lists",
        "decide/leave.py",
        "present = in_order(case.seen.replicas)",
        "present = case.seen.replicas",
        (LEAVE,),
    ),
    Mutant(
        "what was decided is recorded after it was done",
        "loop/reconcile.py",
        "        self.store.histories.record({name: decision.history for name, decision in decisions.items()})\n",
        "",
        ("tests/component/test_loop_pass.py",),
    ),
    Mutant(
        "only events make it look",
        "loop/reconcile.py",
        "self._tools.queue.add_at(Key(self.loaded.name), self._tools.now() + self.loaded.desired.policy.resync)",
        "pass",
        ("tests/component/test_loop_pass.py",),
    ),
    Mutant(
        "an engine that does not answer is taken for an empty world",
        "loop/reconcile.py",
        "            self._lose(error, self._tools.now())\n            return None\n",
        "            return {name: ServiceView() for name in self.loaded.desired.services}\n",
        ("tests/component/test_loop_pass.py",),
    ),
    Mutant(
        "there is no lock",
        "loop/lock.py",
        "            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)\n",
        "",
        ("tests/component/test_lock.py",),
    ),
    Mutant(
        "a transaction is not atomic",
        "loop/database.py",
        'self._connection.execute("ROLLBACK")',
        'self._connection.execute("COMMIT")',
        ("tests/component/test_store.py::TestRecords::test_a_transaction_is_all_or_nothing",),
    ),
    Mutant(
        "of two equal keys the last one counts",
        "intake/tree.py",
        "            elif name in keys:\n",
        "            elif False:\n",
        ("tests/unit/intake/test_source.py",),
    ),
    Mutant(
        "a conflict counts as a failure at once",
        "loop/troubles.py",
        "            if self._conflicts[service] < _CONFLICTS:\n                return\n",
        "",
        ("tests/unit/loop/test_troubles.py",),
    ),
    Mutant(
        "a create is sent before it is noted",
        "loop/executor.py",
        "    intent = batch.journal.intend(step.service, step.number, step.revision)\n"
        "    outcome = _perform(engine, batch, step)\n",
        "    outcome = _perform(engine, batch, step)\n"
        "    intent = batch.journal.intend(step.service, step.number, step.revision)\n",
        ("tests/component/test_executor.py",),
    ),
    Mutant(
        "containers are removed whatever they have become meanwhile, volumes and all",
        "engines/perform.py",
        '{"v": "0", "force": "0"}',
        '{"v": "1", "force": "1"}',
        ("tests/unit/engines/test_perform.py",),
    ),
)
