"""Steps on the real engine: their effect on containers, volumes and networks, and that they may be repeated."""

import json
import os
import threading
import time

import pytest

from controller.model.names import ReplicaId, Revision
from controller.model.observed import Mount, ReplicaPhase
from controller.model.steps import Build, Create, Made, Pull, Remove, Rename, Restart, Result, Start, Stop
from tests.engine.docker_project import IMAGE, Project, docker, inspect

pytestmark = pytest.mark.engine

REVISION = Revision("r")
GONE = ReplicaId("0" * 64)


def test_a_created_replica_has_its_number_in_name_label_and_alias(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    project.run(recording, "a", 7)
    (item,) = inspect(f"{project.name}-a-7")
    assert item["Config"]["Labels"]["com.docker.compose.container-number"] == "7"
    aliases = item["NetworkSettings"]["Networks"][f"{project.name}_default"]["Aliases"]
    assert {f"{project.name}-a-7", "a"} <= set(aliases) and f"{project.name}-a-1" not in aliases
    assert item["Config"]["Labels"]["com.docker.compose.image"] == inspect(IMAGE)[0]["Id"]


def test_a_number_is_taken_whatever_its_container_is_called(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    made = project.create(recording, "a")
    docker("rename", made, f"{project.name}-elsewhere")
    (outcome,) = project.perform(Create("a", 1, REVISION, recording.templates["a"], "test"))
    assert outcome.result is Result.CONFLICT
    assert len(project.containers()) == 1


def test_two_creates_of_one_number_at_once_make_one_container(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    project.create(recording, "a", 9)  # the network is there
    step = Create("a", 1, REVISION, recording.templates["a"], "test")
    results: list[Result] = []
    hands = [threading.Thread(target=lambda: results.append(project.perform(step)[0].result)) for _ in range(4)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    assert sorted(results) == [Result.CONFLICT] * 3 + [Result.DONE]


def test_a_missing_image_is_rejected_with_the_mend(project: Project) -> None:
    recording = project.write("services: {a: {image: ct-nowhere/none:1}}").record()
    (outcome,) = project.perform(Create("a", 1, REVISION, recording.templates["a"], "test"))
    assert outcome.result is Result.REJECTED
    assert "ct-nowhere/none:1" in outcome.message and "pull or build" in outcome.message


def test_an_anonymous_volume_is_carried_to_the_next_replica(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP, volumes: [/data]}}").record()
    old = project.run(recording, "a")
    project.engine.execute(old, ["sh", "-c", "echo kept > /data/f"], timeout=5.0)
    carry = project.replica("a").mounts
    assert [mount.target for mount in carry] == ["/data"]
    project.done(Stop("a", old, 1, 0.0, "test"), Remove("a", old, 1, "test"))
    new = project.run(recording, "a", carry=carry)
    assert project.engine.execute(new, ["cat", "/data/f"], timeout=5.0).output == "kept\n"
    replica = project.replica("a", recording)
    assert (replica.mounts, replica.drift) == (carry, ())


def test_a_volume_of_the_image_is_carried_too(project: Project) -> None:
    dockerfile = f'FROM {IMAGE}\\nVOLUME /data\\nCMD [\\"sleep\\", \\"1000\\"]\\n'
    project.write(f'services: {{a: {{build: {{context: ., dockerfile_inline: "{dockerfile}"}}}}}}')
    project.done(Build("a", f"{project.name}-a", "test"))
    recording = project.record()
    old = project.run(recording, "a")
    carry = project.replica("a").mounts
    project.done(Stop("a", old, 1, 0.0, "test"), Remove("a", old, 1, "test"))
    project.run(recording, "a", carry=carry)
    assert project.replica("a", recording).mounts == carry != ()
    assert project.replica("a", recording).drift == ()
    project.clean()
    docker("rmi", f"{project.name}-a")


def test_removing_keeps_every_volume(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP, volumes: [/x, 'data:/y']}}\nvolumes: {data: {}}").record()
    made = project.run(recording, "a")
    volumes = [mount["Name"] for mount in inspect(made)[0]["Mounts"]]
    project.done(Stop("a", made, 1, 0.0, "test"), Remove("a", made, 1, "test"))
    assert len(volumes) == len(json.loads(docker("volume", "inspect", *volumes))) == 2
    anonymous = next(volume for volume in volumes if not volume.startswith(project.name))
    docker("volume", "rm", anonymous)


def test_a_volume_that_is_something_else_is_refused_and_kept(project: Project) -> None:
    options = "{driver_opts: {type: tmpfs, device: tmpfs, o: size=1m}}"
    project.write(f"services: {{a: {{SLEEP, volumes: ['data:/y']}}}}\nvolumes: {{data: {options}}}")
    recording = project.record()
    docker("volume", "create", f"{project.name}_data")
    (outcome,) = project.perform(Create("a", 1, REVISION, recording.templates["a"], "test"))
    assert outcome.result is Result.REJECTED and "holds data" in outcome.message
    assert inspect_volume(f"{project.name}_data")["Options"] in (None, {})
    assert project.containers() == {}


def test_networks_and_volumes_that_were_missing_are_said_to_be_made_once(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP, volumes: ['data:/y']}}\nvolumes: {data: {}}").record()
    network, volume = Made("network", f"{project.name}_default"), Made("volume", f"{project.name}_data")
    first, second = (Create("a", number, REVISION, recording.templates["a"], "test") for number in (1, 2))
    assert [outcome.made for outcome in project.done(first, second)] == [(network, volume), ()]
    docker("rm", "-f", f"{project.name}-a-1", f"{project.name}-a-2")
    docker("volume", "rm", volume.name)
    assert project.done(first)[0].made == (volume,)


def inspect_volume(name: str) -> dict[str, object]:
    found: list[dict[str, object]] = json.loads(docker("volume", "inspect", name))
    return found[0]


def test_a_network_of_somebody_else_is_refused(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    docker("network", "create", f"{project.name}_default")
    (outcome,) = project.perform(Create("a", 1, REVISION, recording.templates["a"], "test"))
    assert outcome.result is Result.REJECTED and "external: true" in outcome.message


def test_start_is_done_when_it_runs_and_unpauses_what_is_paused(project: Project) -> None:
    made = project.run(project.write("services: {a: {SLEEP}}").record(), "a")
    began = project.replica("a").started_at
    project.start("a", made)
    docker("pause", made)
    assert project.replica("a").phase is ReplicaPhase.PAUSED
    project.start("a", made)
    replica = project.replica("a")
    assert (replica.phase, replica.started_at) == (ReplicaPhase.RUNNING, began)


@pytest.mark.fault("W7")
def test_stop_keeps_its_grace_and_is_done_when_it_is_stopped(project: Project) -> None:
    ignores = f'{{image: {IMAGE}, command: ["sleep", "1000"], stop_grace_period: 200s}}'  # as a pid 1
    project.write(f"services: {{a: {ignores}}}")
    made = project.run(project.record(), "a")
    began = time.monotonic()
    project.done(Stop("a", made, 1, 1.0, "test"))
    assert time.monotonic() - began > 0.9  # and less than the patience with a step, or it would not be done
    project.done(Stop("a", made, 1, 1.0, "test"))
    assert project.replica("a").exit_code == 137


def test_restart_begins_another_life(project: Project) -> None:
    made = project.run(project.write("services: {a: {SLEEP}}").record(), "a")
    before = project.replica("a").life
    project.done(Restart("a", made, 1, 0.0, "test"))
    after = project.replica("a")
    assert after.phase is ReplicaPhase.RUNNING and after.life != before and after.id == before[0]


def test_what_is_gone_is_removed_already_but_cannot_be_started(project: Project) -> None:
    project.write("services: {a: {SLEEP}}")
    steps = (Remove("a", GONE, 1, "test"), Start("a", GONE, 1, "test"), Stop("a", GONE, 1, 1.0, "test"))
    results = [project.perform(step)[0].result for step in steps]
    assert results == [Result.DONE, Result.CONFLICT, Result.CONFLICT]


def test_a_running_container_is_not_removed(project: Project) -> None:
    made = project.run(project.write("services: {a: {SLEEP}}").record(), "a")
    assert project.perform(Remove("a", made, 1, "test"))[0].result is Result.CONFLICT
    assert project.replica("a").running


def test_after_a_failure_the_rest_is_skipped(project: Project) -> None:
    project.write("services: {a: {SLEEP}}")
    outcomes = project.perform(Start("a", GONE, 1, "test"), Remove("a", GONE, 1, "test"))
    assert [outcome.result for outcome in outcomes] == [Result.CONFLICT, Result.SKIPPED]


def test_an_unfinished_recreate_gets_its_final_name_once_that_is_free(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    old = project.run(recording, "a")
    body = f"{old[:12]}_{project.name}-a-1"
    new = project.create(recording, "a", 2)
    docker("rename", new, body)
    labelled = [replica for replica in project.view("a").replicas if replica.id == new]
    assert not labelled[0].temporary  # number 2 is not whose name it bears
    docker("rename", old, f"{project.name}-moved")
    project.done(Rename("a", new, 2, "test"))
    assert inspect(new)[0]["Name"] == f"/{project.name}-a-1"
    project.done(Rename("a", new, 2, "test"))


def test_inline_configs_and_secrets_are_there_after_the_first_start(project: Project) -> None:
    """Compose writes them into the container: an older one at the create, a newer one at the start."""
    inline = "configs: {c: {content: 'inline text'}}\nsecrets: {s: {environment: HOME}}"
    project.write(f"services: {{a: {{SLEEP, configs: [c], secrets: [s]}}}}\n{inline}")
    recording = project.record()
    first, second = project.run(recording, "a", 1), project.run(recording, "a", 2)
    for replica in (first, second):
        read = project.engine.execute(replica, ["cat", "/c", "/run/secrets/s"], timeout=5.0)
        assert read.output == f"inline text{os.environ['HOME']}"
    assert {replica.id for replica in project.view("a").replicas} == {first, second}


def test_hooks_run_at_start_and_at_the_stop_of_one_replica(project: Project) -> None:
    """`post_start` is Compose's to run, and only from 2.30; `pre_stop` is run for the one replica that stops."""
    stop = '{command: [sh, -c, "echo $$A > /out/ended"], environment: {A: b}}'
    hooks = f"post_start: [{{command: [touch, /began]}}], pre_stop: [{stop}]"
    recording = project.write(f"services: {{a: {{SLEEP, {hooks}, volumes: ['./out:/out']}}}}").record()
    assert recording.templates["a"].starts_by_compose
    made = [project.run(recording, "a", number) for number in (1, 2)]
    knows_hooks = tuple(int(part) for part in recording.compose_version.split(".")[:2]) >= (2, 30)
    began = project.engine.execute(made[0], ["ls", "/began"], timeout=5.0).exit_code
    assert (began == 0) is knows_hooks
    project.done(Stop("a", made[0], 1, 1.0, "test", by_compose=True))
    assert (project.directory / "out" / "ended").read_text() == "b\n"
    assert project.replica_by_id("a", made[1]).running


def test_a_start_by_compose_starts_and_makes_nothing_else(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}, b: {SLEEP, depends_on: [a]}}").record()
    made = [project.create(recording, "b", number) for number in (1, 2)]
    project.start("b", made[0], by_compose=True)
    assert project.replica_by_id("b", made[0]).running
    assert sorted(project.containers()) == [f"{project.name}-b-1", f"{project.name}-b-2"]


def test_a_start_by_compose_waits_for_no_image_that_the_files_ask_for_now(project: Project) -> None:
    made = project.create(project.write("services: {a: {SLEEP}}").record(), "a", 1)
    project.write("services: {a: {image: 'localhost:1/none:1'}}")
    project.start("a", made, by_compose=True)
    assert project.replica_by_id("a", made).running


def test_a_namespace_sharer_without_its_owner_is_not_made(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}, b: {SLEEP, network_mode: 'service:a'}}").record()
    assert recording.templates["b"].namespace_of == "a"
    (outcome,) = project.perform(Create("b", 1, REVISION, recording.templates["b"], "test"))
    assert outcome.result is Result.CONFLICT and project.containers() == {}


def test_pull_from_nowhere_fails_with_one_line(project: Project) -> None:
    project.write("services: {a: {image: 'localhost:1/none:1'}}")
    (outcome,) = project.perform(Pull("a", "localhost:1/none:1", "test"), deadline=30.0)
    assert outcome.result in (Result.TRANSIENT, Result.REJECTED)
    assert "\n" not in outcome.message and outcome.message


def test_a_deadline_that_passed_starts_nothing(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    step = Create("a", 1, REVISION, recording.templates["a"], "test")
    assert project.perform(step, deadline=0.0)[0].result is Result.TRANSIENT
    assert project.containers() == {}


def test_a_carried_mount_that_is_gone_from_the_file_stays_where_it_was(project: Project) -> None:
    recording = project.write("services: {a: {SLEEP}}").record()
    volume = docker("volume", "create", f"{project.name}_old").strip()
    made = project.create(recording, "a", carry=(Mount("/old", volume),))
    assert [mount["Name"] for mount in inspect(made)[0]["Mounts"]] == [volume]
