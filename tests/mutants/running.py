"""Bugs outside of deciding: in the loop, the intake, the engines."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

RUNNING = (
    Mutant(
        "a stale wake outlives a newer decision",
        "loop/queue.py",
        "                self._wakes.pop(key, None)\n            else:",
        "                pass\n            else:",
        ("tests/unit/loop/test_queue.py",),
    ),
    Mutant(
        "wakes run on a wall clock that may be set back",
        "loop/queue.py",
        "        if back > SET_BACK:\n",
        "        if False:\n",
        ("tests/unit/loop/test_queue.py",),
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
        ("tests/component/test_loop_away.py",),
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
        "            if self._conflicts[row] < _CONFLICTS:\n                return\n",
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
    Mutant(
        "who waits for an image is kept in shape only once that is here",
        "loop/reconcile.py",
        "            elif batch.fetches:\n",
        "            elif False:\n",
        ("tests/component/test_loop_fetching.py",),
    ),
    Mutant(
        "a start and the fetch that was decided with it are one batch",
        "loop/batches.py",
        "fetches, steps = split_fetches(decision.steps)",
        "fetches, steps = (), decision.steps",
        ("tests/component/test_loop_fetching.py",),
    ),
    Mutant(
        "a start that succeeds ends the pause of a pull that fails",
        "loop/troubles.py",
        "row = (service, fetched_image(outcomes[0].step))",
        'row = (service, "")',
        ("tests/unit/loop/test_troubles.py",),
    ),
    Mutant(
        "probes that hang may hold every worker",
        "health/prober.py",
        "if self._at_work[watch.crowd] < CROWD:",
        "if True:",
        ("tests/component/test_prober_threads.py::test_however_many_of_a_service_hang_others_are_asked",),
    ),
    Mutant(
        "that services hang is never known",
        "health/prober.py",
        "watch.hangs = self._clocks.steady() - begun >= min(HANGS, 0.9 * watch.probe.timeout)",
        "watch.hangs = False",
        (
            "tests/component/test_prober_threads.py::test_however_many_services_hang_others_are_asked_once_that_is_known",
        ),
    ),
    Mutant(
        "an image that nobody needs any more is fetched all the same",
        "loop/executor.py",
        "        if not batch.fetches:\n            return []\n",
        "        if True:\n            return []\n",
        ("tests/component/test_executor_workers.py",),
    ),
)
