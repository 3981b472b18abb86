"""The simulated engine across processes and restarts, and under faults; what the shared contract cannot ask."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.engines.base import Nudge, Scope
from controller.engines.simulated import SimulatedEngine
from controller.engines.simulated_clock import HandClock
from controller.engines.simulated_faults import Faults
from controller.engines.simulated_stack import Settings
from controller.model.errors import Rejected, Transient
from controller.model.names import ReplicaId, Revision
from controller.model.observed import Health, Observed, ReplicaPhase
from controller.model.project import ComposeProject, RenderedProject
from controller.model.steps import Create, Outcome, Pull, Remove, Restart, Result, Start, Step, Stop

pytestmark = pytest.mark.unit

NOW = 1_700_000_000.0
SERVICES: dict[str, dict[str, Any]] = {
    "web": {"healthcheck": {"test": ["CMD", "true"]}, "ports": [{"target": 80, "published": "8080"}]},
    "loop": {"restart": "always", "labels": {"controller.simulated.crash-after": "0.5"}},
    "job": {"labels": {"controller.simulated.job": "true", "controller.simulated.fails": "1"}},
}


class Desk:
    """One process at the engine. Others with the same folder and clock see the same containers."""

    def __init__(self, folder: Path | None, clock: HandClock | None = None, **options: Any) -> None:
        self.clock = clock or HandClock(NOW)
        self.engine = SimulatedEngine(folder, clock=self.clock, settings=Settings(**options))
        self.project = ComposeProject("shop", (Path("/shop/compose.yaml"),), Path("/shop"))
        services = {name: {"image": "busybox", **service} for name, service in SERVICES.items()}
        model = {"name": "shop", "services": services}
        self.templates = self.engine.record(self.project, RenderedProject("shop", model)).templates

    def look(self) -> Observed:
        images = dict.fromkeys(self.templates, "busybox")
        return self.engine.observe(Scope("shop", images, self.templates))

    def create(self, service: str = "web", number: int = 1) -> Create:
        template = self.templates[service]
        return Create(service, number, Revision(template.fingerprint), template, "test")

    def perform(self, *steps: Step, deadline: float = 60.0) -> list[Outcome]:
        return list(self.engine.perform(self.project, steps, deadline=deadline))

    def launch(self, service: str = "web", number: int = 1) -> ReplicaId:
        (made,) = self.perform(self.create(service, number))
        assert made.replica is not None
        assert self.perform(Start(service, made.replica, number, "test"))[0].result is Result.DONE
        return made.replica


def test_containers_outlive_the_process_and_go_on_meanwhile(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    web, job = first.launch("web"), first.launch("job")
    assert first.look().services["web"].replicas[0].health is Health.STARTING
    first.engine.close()
    second = Desk(tmp_path, first.clock)
    second.clock.sleep(30)
    seen = second.look()
    assert [(r.id, r.health) for r in seen.services["web"].replicas] == [(web, Health.HEALTHY)]
    assert [(r.id, r.phase, r.exit_code) for r in seen.services["job"].replicas] == [(job, ReplicaPhase.EXITED, 1)]
    assert (seen.working_dir, seen.config_files) == ("/shop", ("/shop/compose.yaml",))
    second.perform(Start("job", job, 1, "test"))
    second.clock.sleep(30)
    assert second.look().services["job"].replicas[0].exit_code == 0


def test_what_is_not_seen_of_a_container_is_kept_too(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    looping, job = desk.launch("loop"), desk.launch("job")
    desk.engine.meddle("shop", lambda hands, now: hands.pause(job, now))
    for _ in range(3):
        desk.clock.sleep(20)
        desk.engine.meddle("shop", lambda hands, now: hands.sicken(ReplicaId("nobody"), now))
        desk = Desk(tmp_path, desk.clock)
    restarts = desk.look().services["loop"].replicas[0].restarts
    assert 5 <= restarts <= 10, "the pauses went on growing"
    assert desk.look().services["job"].replicas[0].phase is ReplicaPhase.PAUSED
    desk.perform(Start("job", job, 1, "test"))
    ended = desk.look().services["job"].replicas[0]
    assert (ended.phase, ended.exit_code) == (ReplicaPhase.EXITED, 1)
    assert desk.look().services["loop"].replicas[0].id == looping


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    made = desk.launch("web")
    assert made in (tmp_path / "simulated.json").read_text()
    desk.perform(Stop("web", made, 1, 5.0, "test"), Remove("web", made, 1, "test"))
    assert made not in (tmp_path / "simulated.json").read_text()


RACER = """
import sys
from pathlib import Path
from tests.unit.engines_simulated.test_simulated_engine import Desk
desk = Desk(Path(sys.argv[1]))
print([desk.perform(desk.create("web", number))[0].result.value for number in range(1, 16)].count("Done"))
"""


def test_processes_take_turns(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    argv = (sys.executable, "-c", RACER, str(tmp_path))
    racers = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=root) for _ in range(3)]
    made = [int(racer.communicate(timeout=60)[0]) for racer in racers]
    assert sum(made) == 15
    assert [replica.number for replica in Desk(tmp_path).look().services["web"].replicas] == list(range(1, 16))


def test_several_processes_see_each_others_work_at_once(tmp_path: Path) -> None:
    first = Desk(tmp_path)
    second = Desk(tmp_path, first.clock)
    first.launch("web")
    assert len(second.look().services["web"].replicas) == 1
    assert second.perform(second.create("web"))[0].result is Result.CONFLICT
    second.launch("web", 2)
    assert [replica.number for replica in first.look().services["web"].replicas] == [1, 2]


def test_another_process_is_heard_of(tmp_path: Path) -> None:
    listener, other = Desk(tmp_path), Desk(tmp_path)
    nudges = listener.engine.nudges()
    assert next(nudges).kind is Nudge.CONNECTED
    other.launch("web")
    heard = next(nudges)
    assert (heard.kind, heard.stack, heard.service) == (Nudge.SERVICE, "shop", "web")


def test_every_listener_hears_everything() -> None:
    desk = Desk(None)
    ears = [desk.engine.nudges() for _ in range(2)]
    assert [next(ear).kind for ear in ears] == [Nudge.CONNECTED] * 2
    desk.launch("web")
    assert [next(ear).service for ear in ears] == ["web", "web"]


def test_the_state_is_private_and_whole(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    Desk(folder).launch("web")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {file.name: file.stat().st_mode & 0o777 for file in folder.iterdir()} == {
        "simulated.json": 0o600,
        "simulated.lock": 0o600,
    }
    json.loads((folder / "simulated.json").read_text())


def test_a_strange_file_is_refused_in_one_line_and_kept(tmp_path: Path) -> None:
    (tmp_path / "simulated.json").write_text('{"stacks": 3}')
    with pytest.raises(Rejected, match="is not a simulated engine's state") as caught:
        Desk(tmp_path).look()
    assert caught.value.hint
    assert (tmp_path / "simulated.json").read_text() == '{"stacks": 3}'


def test_calls_take_time_and_show_their_effect_afterwards() -> None:
    desk = Desk(None)
    began = desk.clock.now()
    (outcome,) = desk.perform(desk.create())
    assert outcome.seconds > 0
    assert desk.clock.now() == pytest.approx(began + outcome.seconds)
    assert desk.look().services["web"].replicas[0].created_at == pytest.approx(desk.clock.now())


def test_a_missing_image_has_to_be_pulled_first(tmp_path: Path) -> None:
    desk = Desk(tmp_path, missing=frozenset({"busybox"}))
    assert desk.look().services["web"].image_id is None
    (refused,) = desk.perform(desk.create())
    assert (refused.result, refused.message) == (Result.REJECTED, "no such image: busybox")
    assert desk.perform(Pull("web", "busybox", "test"))[0].result is Result.DONE
    again = Desk(tmp_path, desk.clock, missing=frozenset({"busybox"}))
    assert again.look().services["web"].image_id is not None
    again.launch("web")


def test_labels_that_make_no_sense_are_rejected_not_raised() -> None:
    desk = Desk(None)
    body = desk.templates["loop"].body.replace('"0.5"', '"soon"')
    template = type(desk.templates["loop"])("loop", "hash", "print", body)
    (outcome,) = desk.perform(Create("loop", 1, Revision("print"), template, "test"))
    assert outcome.result is Result.REJECTED and "crash-after" in outcome.message


def test_published_ports_and_drift_are_shown() -> None:
    desk = Desk(None)
    desk.launch("web")
    seen = desk.look().services["web"].replicas[0]
    assert (seen.published, seen.drift) == (("0.0.0.0:8080->80/tcp",), ())
    other = {"web": desk.templates["loop"]}
    assert desk.engine.observe(Scope("shop", {}, other)).services["web"].replicas[0].drift
    assert desk.engine.observe(Scope("shop")).services["web"].replicas[0].drift is None


def test_a_slow_engine_misses_short_deadlines() -> None:
    desk = Desk(None)
    slow = SimulatedEngine(clock=desk.clock, settings=Settings(faults=Faults(slow=3.0)))
    with pytest.raises(Transient, match="within 1 s"):
        slow.info(deadline=1.0)
    assert slow.info(deadline=5.0).id == "simulated"
    (outcome,) = slow.perform(desk.project, [desk.create()], deadline=1.0)
    assert (outcome.result, outcome.seconds) == (Result.TRANSIENT, 1.0)


def test_an_absence_is_told_and_its_end() -> None:
    clock = HandClock(NOW)
    faults = Faults(away=((NOW + 10, NOW + 20),))
    desk = Desk(None, clock, faults=faults)
    desk.launch("web")
    nudges = desk.engine.nudges()
    changes = (nudge.kind for nudge in nudges if nudge.kind is not Nudge.SERVICE)
    assert next(changes) is Nudge.CONNECTED
    clock.sleep(NOW + 12 - clock.now())
    assert next(changes) is Nudge.LOST
    clock.sleep(10)
    assert next(changes) is Nudge.CONNECTED
    assert next(nudges).service == "web"


def test_threads_take_turns() -> None:
    desk = Desk(None)
    results: list[Result] = []

    def try_all() -> None:
        results.extend(desk.perform(desk.create("web", number))[0].result for number in range(1, 21))

    threads = [threading.Thread(target=try_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [Result.CONFLICT] * 60 + [Result.DONE] * 20
    assert [replica.number for replica in desk.look().services["web"].replicas] == list(range(1, 21))


ACTS = st.tuples(
    st.sampled_from(("create", "start", "stop", "restart", "remove", "kill", "crash", "pause", "wait")),
    st.sampled_from(tuple(SERVICES)),
    st.integers(1, 2),
    st.floats(0.0, 12.0),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, max_size=12))
def test_keeping_and_fetching_the_state_changes_nothing(tmp_path_factory: Any, acts: list[Any]) -> None:
    """The same acts in one process, and with a new process for every act, end in the same world."""
    folder = tmp_path_factory.mktemp("state")
    whole, parts = Desk(None), HandClock(NOW)
    for act in acts:
        assert play(Desk(folder, parts), act) == play(whole, act)


def play(desk: Desk, act: tuple[str, str, int, float]) -> object:
    """One act, and what a look shows afterwards."""
    verb, service, number, seconds = act
    replica = next((r.id for r in desk.look().services[service].replicas if r.number == number), ReplicaId("none"))
    results = [outcome.result for outcome in desk.perform(*steps_of(desk, verb, service, number, replica))]
    if verb in ("kill", "crash", "pause") and replica != "none":
        desk.engine.meddle("shop", lambda hands, now: getattr(hands, verb)(replica, now))
    if verb == "wait":
        desk.clock.sleep(seconds)
    return results, {name: view.replicas for name, view in desk.look().services.items()}


def steps_of(desk: Desk, verb: str, service: str, number: int, replica: ReplicaId) -> tuple[Step, ...]:
    match verb:
        case "create":
            return (desk.create(service, number),)
        case "start":
            return (Start(service, replica, number, "test"),)
        case "stop":
            return (Stop(service, replica, number, 10.0, "test"),)
        case "restart":
            return (Restart(service, replica, number, 10.0, "test"),)
        case "remove":
            return (Remove(service, replica, number, "test"),)
        case _:
            return ()
