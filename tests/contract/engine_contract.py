"""The contract of every engine that leaves placing replicas to us: states of the world after steps, not calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address

import pytest

from controller.engines.base import Engine, Nudge, NudgeAt, Scope
from controller.model.cleanup import Item, Rubbish
from controller.model.errors import Conflict, Rejected, Transient
from controller.model.names import ReplicaId
from controller.model.observed import Health, Mount, ReplicaPhase
from controller.model.project import ImageDefaults
from controller.model.reach import Answer, Knock
from controller.model.resources import CleanupPolicy
from controller.model.steps import Create, Remove, Rename, Restart, Result, Start, Step, Stop
from tests.contract.bench import Bench, phases, remove, restart, start, stop

GONE = ReplicaId("0" * 64)


class EngineContract:
    """Sub-classes give the fixtures `bench` (a fresh project) and `away` (an engine that nobody answers for).

    `bringing` is the name of an image with a health check and two volumes.
    """

    # --- looking

    def test_nothing_is_seen_where_nothing_is(self, bench: Bench) -> None:
        seen = bench.look()
        assert seen.stack == bench.name
        assert seen.services.keys() == bench.templates.keys()
        for view in seen.services.values():
            assert (view.replicas, view.complete) == ((), True)
            assert view.image_id is not None
            assert view.taken_at <= seen.taken_at

    def test_a_look_at_some_services_shows_no_others(self, bench: Bench) -> None:
        bench.make("web")
        bench.make("deaf")
        assert bench.look("web").services.keys() == {"web"}
        assert bench.look("deaf", "job").services.keys() == {"deaf", "job"}

    def test_an_unknown_image_has_no_id(self, bench: Bench) -> None:
        scope = Scope(bench.name, {"web": "local/does-not-exist:0"})
        assert bench.engine.observe(scope).services["web"].image_id is None

    def test_what_an_image_brings_is_known_where_it_is_here(self, bench: Bench, bringing: str) -> None:
        assert bench.engine.image_defaults(bringing) == ImageDefaults(True, ("/data", "/var/lib/x"))
        assert bench.engine.image_defaults("local/does-not-exist:0") is None

    def test_containers_reach_its_machine_by_an_address(self, bench: Bench) -> None:
        gateway = bench.engine.gateway()
        assert gateway is not None and ip_address(gateway)

    def test_who_shares_a_network_reaches_each_other_and_who_is_gone_nobody(self, bench: Bench) -> None:
        web, deaf = bench.run("web").id, bench.run("deaf").id
        probe = bench.engine.netprobe
        spots = {spot.service: spot for spot in probe.spots(bench.name, deadline=10.0)}
        assert {name: spot.replica for name, spot in spots.items()} == {"web": web, "deaf": deaf}
        ((network, (address, *_)),) = spots["deaf"].addresses.items()
        assert network in spots["web"].addresses and spots["deaf"].ports == ()
        knocks = [Knock(web, address, 9), Knock(web, "deaf", 9), Knock(GONE, address, 9)]
        told: list[int] = []
        found = probe.knock(knocks, patience=5.0, told=told.append)
        assert [found[one].answer for one in knocks] == [Answer.REFUSED, Answer.REFUSED, Answer.UNKNOWN]
        assert found[knocks[2]].reason and sum(told) >= 2

    def test_projects_are_those_that_have_containers(self, bench: Bench) -> None:
        assert bench.name not in bench.engine.projects()
        bench.make("web")
        seen = bench.engine.projects()[bench.name]
        assert [replica.name for replica in seen.services["web"].replicas] == [f"{bench.name}-web-1"]
        assert seen.working_dir == str(bench.project.directory)
        assert seen.config_files == tuple(map(str, bench.project.files))

    def test_an_engine_that_is_away_is_transient_for_looks_and_steps(self, away: Engine, bench: Bench) -> None:
        with pytest.raises(Transient):
            away.info()
        with pytest.raises(Transient):
            away.gateway()
        with pytest.raises(Transient):
            away.observe(Scope(bench.name))
        with pytest.raises(Transient):
            away.image_defaults("local/does-not-exist:0")
        (outcome, skipped) = away.perform(bench.project, [bench.create(), bench.create(number=2)], deadline=5.0)
        assert (outcome.result, skipped.result) == (Result.TRANSIENT, Result.SKIPPED)
        assert bench.replicas("web") == ()

    # --- create

    def test_a_created_one_is_as_its_template_says_and_does_not_run(self, bench: Bench) -> None:
        made = bench.make("web", 3)
        assert (made.phase, made.number, made.service) == (ReplicaPhase.CREATED, 3, "web")
        assert made.name == f"{bench.name}-web-3"
        assert made.config_hash == bench.templates["web"].config_hash
        assert (made.started_at, made.finished_at, made.exit_code, made.restarts) == (None, None, None, 0)
        assert (made.revision, made.drift) == ("", ())
        assert made.image_id == bench.view("web").image_id

    def test_a_taken_number_is_a_conflict_and_nothing_is_made(self, bench: Bench) -> None:
        made = bench.make()
        assert bench.refused(bench.create()) is Result.CONFLICT
        assert [seen.id for seen in bench.replicas("web")] == [made.id]

    def test_several_numbers_live_side_by_side(self, bench: Bench) -> None:
        bench.do(bench.create(number=1), bench.create(number=2), bench.create(number=7))
        assert [seen.number for seen in bench.replicas("web")] == [1, 2, 7]

    def test_after_a_step_that_fails_the_rest_is_skipped(self, bench: Bench) -> None:
        made = bench.make()
        outcomes = bench.perform(bench.create(), bench.create(number=2), remove(made))
        assert [outcome.result for outcome in outcomes] == [Result.CONFLICT, Result.SKIPPED, Result.SKIPPED]
        assert [seen.id for seen in bench.replicas("web")] == [made.id]

    def test_a_carried_volume_is_mounted_where_it_was(self, bench: Bench) -> None:
        old = bench.make("data", 1)
        (volume,) = old.mounts
        assert volume.target == "/data"
        new = bench.make("data", 2, carry=(Mount("/data", volume.volume),))
        other = bench.make("data", 3)
        assert new.mounts == old.mounts
        assert other.mounts != old.mounts

    def test_a_sharer_needs_its_holder(self, bench: Bench) -> None:
        assert bench.templates["side"].namespace_of == "web"
        assert bench.refused(bench.create("side")) is Result.CONFLICT
        holder = bench.make("web")
        sharer = bench.make("side", holder=holder.id)
        assert sharer.namespace_of == holder.id
        assert bench.refused(start(sharer)) is Result.CONFLICT
        bench.do(start(holder), start(sharer))
        assert bench.one("side").phase is ReplicaPhase.RUNNING

    # --- start, stop, restart, remove

    def test_a_started_one_runs_and_starting_it_again_changes_nothing(self, bench: Bench) -> None:
        running = bench.run()
        assert running.phase is ReplicaPhase.RUNNING
        assert running.started_at is not None and running.started_at >= running.created_at
        bench.do(start(running))
        assert bench.one("web").life == running.life

    def test_a_stopped_one_has_exited_with_its_own_code(self, bench: Bench) -> None:
        running = bench.run()
        bench.do(stop(running))
        ended = bench.one("web")
        assert (ended.phase, ended.exit_code) == (ReplicaPhase.EXITED, 0)
        assert ended.finished_at is not None and running.started_at is not None
        assert ended.finished_at >= running.started_at

    def test_one_that_does_not_hear_is_killed_after_its_grace(self, bench: Bench) -> None:
        running = bench.run("deaf")
        (outcome,) = bench.do(stop(running, grace=1.0))
        assert 0.9 <= outcome.seconds < 5
        assert (bench.one("deaf").phase, bench.one("deaf").exit_code) == (ReplicaPhase.EXITED, 137)

    def test_stopping_what_does_not_run_changes_nothing(self, bench: Bench) -> None:
        made = bench.make()
        bench.do(stop(made))
        assert bench.one("web").phase is ReplicaPhase.CREATED
        bench.do(start(made), stop(made))
        ended = bench.one("web")
        bench.do(stop(made))
        assert bench.one("web") == ended

    def test_an_exited_one_starts_again_in_another_life(self, bench: Bench) -> None:
        running = bench.run()
        bench.do(stop(running), start(running))
        again = bench.one("web")
        assert (again.id, again.phase) == (running.id, ReplicaPhase.RUNNING)
        assert again.life != running.life

    def test_a_restart_is_another_life_of_the_same_container(self, bench: Bench) -> None:
        running = bench.run()
        bench.do(restart(running))
        again = bench.one("web")
        assert (again.id, again.phase, again.restarts) == (running.id, ReplicaPhase.RUNNING, 0)
        assert again.started_at is not None and running.started_at is not None
        assert again.started_at > running.started_at

    def test_removing_is_refused_while_it_runs_and_is_done_when_it_is_gone(self, bench: Bench) -> None:
        running = bench.run()
        assert bench.refused(remove(running)) is Result.CONFLICT
        bench.do(stop(running), remove(running))
        assert bench.replicas("web") == ()
        bench.do(remove(running))
        bench.make()

    @pytest.mark.parametrize(
        ("step", "result"),
        [
            (Start("web", GONE, 1, "test"), Result.CONFLICT),
            (Stop("web", GONE, 1, 1.0, "test"), Result.CONFLICT),
            (Restart("web", GONE, 1, 1.0, "test"), Result.CONFLICT),
            (Rename("web", GONE, 1, "test"), Result.CONFLICT),
            (Remove("web", GONE, 1, "test"), Result.DONE),
        ],
        ids=lambda value: type(value).__name__.lower() if not isinstance(value, Result) else "",
    )
    def test_what_is_not_there_asks_for_another_look_or_is_removed_already(
        self, bench: Bench, step: Step, result: Result
    ) -> None:
        assert [outcome.result for outcome in bench.perform(step)] == [result]

    def test_a_name_without_a_temporary_prefix_is_kept(self, bench: Bench) -> None:
        made = bench.make()
        bench.do(Rename("web", made.id, 1, "test"))
        assert bench.one("web").name == made.name

    def test_a_deadline_that_passes_is_transient(self, bench: Bench) -> None:
        running = bench.run("deaf")
        (outcome,) = bench.perform(stop(running, grace=8.0), deadline=0.5)
        assert outcome.result is Result.TRANSIENT
        bench.until("deaf", lambda seen: seen.phase is ReplicaPhase.EXITED)

    # --- what happens by itself, or by others

    def test_a_job_ends_with_0_and_stays_ended(self, bench: Bench) -> None:
        bench.run("job")
        ended = bench.until("job", lambda seen: seen.phase is ReplicaPhase.EXITED)
        assert ended.exit_code == 0
        bench.sleep(1.0)
        assert bench.one("job") == ended

    def test_a_check_becomes_healthy(self, bench: Bench) -> None:
        running = bench.run("checked")
        assert running.check is not None
        assert (running.check.interval, running.check.timeout) == (1.0, 5.0)
        assert running.health is Health.STARTING
        healthy = bench.until("checked", lambda seen: seen.health is Health.HEALTHY)
        assert healthy.life == running.life

    def test_the_restart_policy_acts_and_gives_up(self, bench: Bench) -> None:
        bench.run("sick")
        ended = bench.until("sick", lambda seen: seen.restarts == 2 and seen.phase is ReplicaPhase.EXITED)
        assert ended.exit_code == 3
        bench.do(start(ended))
        assert bench.one("sick").restarts < 2

    def test_a_kill_by_hand_is_seen_and_switches_the_policy_off(self, bench: Bench) -> None:
        running = bench.run("deaf")
        bench.hands.kill(running.id)
        ended = bench.until("deaf", lambda seen: seen.phase is ReplicaPhase.EXITED)
        assert ended.exit_code == 137
        bench.do(start(ended))
        assert bench.one("deaf").phase is ReplicaPhase.RUNNING

    def test_a_paused_one_is_seen_and_start_unpauses_it(self, bench: Bench) -> None:
        running = bench.run()
        bench.hands.pause(running.id)
        assert bench.one("web").phase is ReplicaPhase.PAUSED
        bench.do(start(running))
        assert bench.one("web").phase is ReplicaPhase.RUNNING
        assert bench.one("web").life == running.life

    def test_a_removal_by_hand_is_seen(self, bench: Bench) -> None:
        running = bench.run()
        bench.hands.remove(running.id)
        bench.wait_for(lambda: True if bench.replicas("web") == () else None)
        assert bench.refused(start(running)) is Result.CONFLICT

    def test_events_say_where_to_look(self, bench: Bench) -> None:
        there = NudgeAt(Nudge.SERVICE, bench.name, "web")
        with bench.listen() as ears:
            ears.wait(NudgeAt(Nudge.CONNECTED))
            made = bench.make("web")
            heard = ears.wait(there)
            bench.do(start(made))
            heard += ears.wait(there)
            bench.hands.kill(made.id)
            heard += ears.wait(there)
        assert {nudge.service for nudge in heard if nudge.stack == bench.name} == {"web"}

    # --- inside

    @pytest.mark.parametrize(("command", "code"), [(["true"], 0), (["false"], 1), (["sh", "-c", "exit 3"], 3)])
    def test_a_command_ends_with_its_code(self, bench: Bench, command: list[str], code: int) -> None:
        running = bench.run()
        assert bench.engine.execute(running.id, command, timeout=10.0).exit_code == code

    def test_a_command_cannot_run_in_what_does_not_run(self, bench: Bench) -> None:
        made = bench.make()
        assert bench.engine.execute(made.id, ["true"], timeout=10.0).exit_code is None
        with pytest.raises(Conflict):
            bench.engine.execute(GONE, ["true"], timeout=10.0)

    # --- usage

    def test_what_a_running_one_has_used_grows_and_its_limits_are_known(self, bench: Bench) -> None:
        busy = bench.run("busy")
        before = bench.engine.usage([busy])[busy.id]
        bench.sleep(1.0)
        after = bench.engine.usage([busy])[busy.id]
        assert before.started_at == after.started_at == busy.started_at
        assert 0.9 < after.at - before.at < 30.0
        assert before.cpu is not None and after.cpu is not None and after.cpu > before.cpu
        assert (after.cpu_limit, after.memory_limit) == (0.5, 64 * 1024 * 1024)
        assert after.memory is not None and 0 < after.memory < 64 * 1024 * 1024
        assert after.processes is not None and after.processes >= 1
        assert None not in (after.received, after.sent, after.read, after.written)

    def test_who_has_no_limit_has_none_and_who_shares_a_network_has_none_of_its_own(self, bench: Bench) -> None:
        holder = bench.run("web")
        sharer = bench.make("side", holder=holder.id)
        bench.do(start(sharer))
        seen = bench.engine.usage([holder, bench.one("side")])
        assert {(one.cpu_limit, one.memory_limit) for one in seen.values()} == {(None, None)}
        assert None not in (seen[holder.id].received, seen[holder.id].sent)
        assert (seen[sharer.id].received, seen[sharer.id].sent) == (None, None)

    def test_the_next_life_counts_from_the_beginning(self, bench: Bench) -> None:
        busy = bench.run("busy")
        bench.sleep(2.0)
        before = bench.engine.usage([busy])[busy.id]
        bench.do(restart(busy, grace=0.0))
        again = bench.until("busy", lambda replica: replica.running and replica.started_at != busy.started_at)
        after = bench.engine.usage([again])[busy.id]
        assert after.started_at != before.started_at
        assert before.cpu is not None and after.cpu is not None and after.cpu < before.cpu

    def test_nothing_is_counted_of_what_does_not_run_is_gone_or_cannot_be_asked(
        self, bench: Bench, away: Engine
    ) -> None:
        running, made = bench.run("web"), bench.make("deaf")
        gone = replace(running, id=GONE)
        assert bench.engine.usage([running, made, gone]).keys() == {running.id}
        assert bench.engine.usage([]) == {}
        assert away.usage([running], deadline=1.0) == {}

    def test_output_is_read_to_its_end(self, bench: Bench) -> None:
        bench.run("job")
        ended = bench.until("job", lambda seen: seen.phase is ReplicaPhase.EXITED)
        assert all("\n" not in line for line in bench.engine.logs(ended.id, follow=True))
        with pytest.raises(Conflict):
            list(bench.engine.logs(GONE))

    # --- what it holds

    def test_replicas_are_seen_among_all_that_it_holds_and_who_uses_which_image(self, bench: Bench) -> None:
        running, made = bench.run("web"), bench.make("deaf")
        held = bench.engine.inventory(bench.name, ())
        seen = {one.id: one for one in held.containers if one.project == bench.name}
        assert seen.keys() == {running.id, made.id} and not any(one.one_off for one in seen.values())
        assert (seen[made.id].phase, seen[made.id].ended_at, seen[made.id].service) == ("created", None, "deaf")
        assert seen[running.id].phase is ReplicaPhase.RUNNING
        assert {one.image_id for one in seen.values()} <= {image.id for image in held.images}
        assert abs(seen[made.id].created_at - made.created_at) < 2.0

    def test_what_is_used_is_not_removed_whoever_asks_for_it(self, bench: Bench) -> None:
        running, made = bench.run("web"), bench.make("deaf")
        used = next(one for one in bench.engine.inventory(bench.name, ()).images if one.id == running.image_id)
        items = (
            Item(Rubbish.CONTAINER, running.id, running.name, None, "test"),
            Item(Rubbish.IMAGE, used.id, "used", None, "test", names=used.names),
            Item(Rubbish.IMAGE, used.id, "used", None, "test", names=("other:1",)),
        )
        for item in items:
            with pytest.raises(Conflict):
                bench.engine.clear(item, CleanupPolicy())
        assert {bench.one("web").id, bench.one("deaf").id} == {running.id, made.id}
        assert bench.view("web").image_id == running.image_id

    @pytest.mark.parametrize("kind", [Rubbish.CONTAINER, Rubbish.IMAGE, Rubbish.NETWORK])
    def test_what_is_gone_already_is_a_conflict(self, bench: Bench, kind: Rubbish) -> None:
        with pytest.raises(Conflict):
            bench.engine.clear(Item(kind, GONE, "gone", None, "test"), CleanupPolicy())

    def test_a_log_is_never_cut_off(self, bench: Bench) -> None:
        with pytest.raises(Rejected):
            bench.engine.clear(Item(Rubbish.LOG, bench.run("web").id, "web", 9, "test"), CleanupPolicy())

    def test_who_is_away_holds_nothing_that_is_known(self, away: Engine, bench: Bench) -> None:
        with pytest.raises(Transient):
            away.inventory(bench.name, ())

    # --- the same again

    def test_other_things_that_replace_nothing_keep_the_fingerprint(
        self, bench: Bench, record: Callable[[str, dict[str, object]], str]
    ) -> None:
        before = bench.templates["web"].fingerprint
        assert record("web", {}) == before
        assert record("web", {"depends_on": {"job": {"condition": "service_started"}}}) == before
        assert record("web", {"deploy": {"update_config": {"parallelism": 2, "order": "start-first"}}}) == before
        assert record("web", {"deploy": {"rollback_config": {"delay": "1s"}}}) == before
        assert record("web", {"deploy": {"replicas": 3}}) == before
        assert record("web", {"scale": 3}) == before
        assert record("web", {"environment": {"COLOUR": "blue"}}) != before

    def test_all_that_was_made_can_be_made_away_with(self, bench: Bench) -> None:
        made = [bench.run("web", number) for number in (1, 2)] + [bench.make("job")]
        assert phases(bench.replicas("web")) == [ReplicaPhase.RUNNING] * 2
        steps = [step for replica in made for step in (stop(replica), remove(replica))]
        bench.do(*steps)
        assert bench.name not in bench.engine.projects()

    def test_a_create_says_what_it_made(self, bench: Bench) -> None:
        (outcome,) = bench.do(bench.create())
        assert isinstance(outcome.step, Create)
        assert outcome.replica == bench.one("web").id
