"""The conditions of services under the loop: since when they hold, also after the controller was killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from controller.engines.simulated_faults import Faults
from controller.health.prober import Clocks, Prober
from controller.loop import acts
from controller.loop.loaded import Loaded
from controller.loop.tools import Key, Tools
from controller.model.names import Instant
from controller.model.status import Condition
from controller.model.wish import Wish
from tests.component.releases import shop as release
from tests.component.stage import NOW, SHOP, Stage, converged, load, service

pytestmark = pytest.mark.unit

Known = dict[tuple[str, str], Condition]


def conditions(stage: Stage) -> Known:
    """The newest ones, by service and type."""
    return {(item.name, said.type): said for item in stage.statuses[-1].services for said in item.conditions}


def since(stage: Stage) -> dict[tuple[str, str], tuple[str, Instant]]:
    return {key: (said.status, said.transitioned_at) for key, said in conditions(stage).items()}


def statuses(stage: Stage, name: str) -> dict[str, str]:
    return {kind: said.status for (of, kind), said in conditions(stage).items() if of == name}


def reborn(stage: Stage, services: dict[str, object], away: float = 3600.0) -> None:
    """Killed, and begun again that much later."""
    stage.die()
    stage.clock.sleep(away)
    stage.begin(load(services))


def test_since_when_survives_the_controller(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle(120)
    (db,) = stage.replicas("db")
    stage.meddle(lambda hands, now: hands.kill(db.id, now))
    stage.settle(30)
    known = since(stage)
    assert known["db", "Ready"][1] > known["web", "Ready"][1] > NOW, "db has not been ready for as long as web"
    assert known["db", "Stable"][0] == "False" and known["web", "Stable"][0] == "True"
    reborn(stage, SHOP, away=60)
    assert since(stage) == known
    stage.settle(30)
    assert since(stage) == known
    reborn(stage, SHOP)
    stage.settle(5)
    later = since(stage)
    assert later.pop(("db", "Stable"))[0] == "True", "forgiven meanwhile"
    assert later.items() <= known.items()


def act_alone(stage: Stage, services: dict[str, object], verb: str, name: str) -> None:
    """By a call of the command line, where no controller keeps the stack."""
    stage.die()
    stage.clock.sleep(3600)
    stage.open(load(services))
    wish = Wish(verb, (name,))
    acts.begin(stage.reconciler, wish, stage.clock.now())
    acts.narrow(stage.reconciler, wish)
    stage.turn()
    stage.settle(30)
    acts.end(stage.reconciler, wish)


@pytest.mark.parametrize("verb", ["stop", "retry", "apply"])
def test_since_when_survives_what_is_done_to_another_service(tmp_path: Path, verb: str) -> None:
    services = {"db": service(), "web": service()}
    stage = Stage(tmp_path, load(services))
    stage.settle(60)
    before, of_stack = since(stage), stage.statuses[-1].conditions
    act_alone(stage, services, verb, "web")
    kept = stage.store.status.load()
    assert kept is not None and [one.name for one in kept.services] == ["db", "web"] and kept.phase == "Converged"
    assert {key: when for key, when in since(stage).items() if key[0] == "db"} == {
        key: when for key, when in before.items() if key[0] == "db"
    }
    assert kept.conditions == of_stack, "nor since when all is well"


def test_since_when_survives_a_first_look_that_fails(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(away=((NOW + 60, NOW + 100),)))
    stage.settle(50)
    before = since(stage)
    reborn(stage, SHOP, away=20)
    assert statuses(stage, "web") == {"Ready": "Unknown", "Progressing": "False", "Updated": "True", "Stable": "True"}
    assert stage.statuses[-1].phase == "Converged" and stage.said("EngineUnavailable") == 1
    stage.settle(60)
    after = since(stage)
    assert {k: v for k, v in after.items() if k[1] != "Ready"} == {k: v for k, v in before.items() if k[1] != "Ready"}
    assert after["web", "Ready"][0] == "True"


class Probed(Stage):
    """Health is what our own probes say, of a controller that has just begun nothing yet."""

    def _tools(self) -> Tools:
        now = self.clock.now
        wake = lambda stack, service: self.queue.add(Key(stack, service))  # noqa: E731
        self.prober = Prober(self.engine, wake, Clocks(now=now, steady=now), workers=0)
        return replace(super()._tools(), prober=self.prober)

    def ask(self) -> None:
        while (due := self.prober.next_due()) is not None and due <= self.clock.now():
            assert self.prober.run_due()

    def probe(self, seconds: float = 10.0) -> None:
        end = self.clock.now() + seconds
        while self.clock.now() < end:
            self.settle(0.25)
            self.ask()


PROBED = {"readiness": {"exec": {"command": ["true"]}, "interval": "2s"}}


def load_probed() -> Loaded:
    return load({"web": {"image": "busybox", "restart": "always"}}, services={"web": PROBED})


def test_since_when_survives_that_no_probe_has_answered_yet(tmp_path: Path) -> None:
    stage = Probed(tmp_path, load_probed())
    stage.probe()
    known = since(stage)
    assert known["web", "Ready"][0] == "True" and known["web", "Progressing"][0] == "False"
    stage.die()
    stage.clock.sleep(60)
    stage.begin(load_probed())
    assert stage.phases == {"web": "Starting"}, "nothing has answered yet"
    assert since(stage) == known
    stage.probe()
    assert stage.phases == {"web": "Ready"} and since(stage) == known


def test_what_was_started_again_meanwhile_has_to_answer(tmp_path: Path) -> None:
    stage = Probed(tmp_path, load_probed())
    stage.probe()
    (web,) = stage.replicas("web")
    stage.die()
    stage.meddle(lambda hands, now: hands.crash(web.id, now))
    stage.clock.sleep(60)
    stage.begin(load_probed())
    assert stage.replicas("web")[0].restarts == 1 and stage.phases == {"web": "Starting"}
    assert statuses(stage, "web")["Ready"] == "False"


def test_what_answers_no_probe_is_not_told_to_serve_for_ever(tmp_path: Path) -> None:
    stage = Probed(tmp_path, load_probed())
    stage.probe()
    reborn_probed = stage.clock.now()
    stage.die()
    stage.begin(load_probed())
    stage.settle(150)  # nobody asks
    assert statuses(stage, "web")["Ready"] == "False"
    assert since(stage)["web", "Ready"][1] > reborn_probed + 100


def test_nothing_is_written_where_nothing_changes(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP))
    stage.settle(60)
    kept = stage.store.status.load()
    assert kept is not None and converged(stage) and kept.services[0].conditions
    told = len(stage.statuses)
    for _ in range(20):
        stage.clock.sleep(60)
        stage.turn()
    assert len(stage.statuses) == told + 20
    assert stage.store.status.load() == kept, "also of the instant of the last write"


def test_what_keeps_falling_over_and_who_waits_for_it(tmp_path: Path) -> None:
    broken = {"db": service(labels={"controller.simulated.crash-after": "0.5"}), "web": service("db")}
    stage = Stage(tmp_path, load(broken))
    stage.settle(300)
    known = since(stage)
    assert statuses(stage, "db") == {"Ready": "False", "Progressing": "False", "Updated": "True", "Stable": "False"}
    assert conditions(stage)["db", "Stable"].reason == "CrashLoopBackOff"
    assert conditions(stage)["web", "Progressing"].message == "waits for db to be ready; db is CrashLoopBackOff"
    stage.settle(120)
    assert since(stage) == known, "another try in vain is no change"


def test_an_update_is_told_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(release(1)))
    stage.settle()
    before = since(stage)
    stage.change(release(2))
    begun = stage.clock.now()
    stage.settle(2)
    assert statuses(stage, "web")["Progressing"] == "True" and statuses(stage, "web")["Updated"] == "False"
    assert begun <= since(stage)["web", "Progressing"][1] <= begun + 1
    stage.settle()
    assert statuses(stage, "web") == {"Ready": "True", "Progressing": "False", "Updated": "True", "Stable": "True"}
    assert since(stage)["web", "Updated"][1] > begun and since(stage)["web", "Stable"] == before["web", "Stable"]
    of_db = {key: value for key, value in since(stage).items() if key[0] == "db"}
    assert of_db.items() <= before.items(), "nothing became of the other one"


def test_what_is_not_known_while_the_engine_is_away(tmp_path: Path) -> None:
    stage = Stage(tmp_path, load(SHOP), Faults(away=((NOW + 60, NOW + 100),)))
    stage.settle(50)
    before = since(stage)
    stage.settle(20)
    stage.reconciler.wake()
    stage.settle(10)
    assert statuses(stage, "web") == {"Ready": "Unknown", "Progressing": "False", "Updated": "True", "Stable": "True"}
    stage.settle(60)
    after = since(stage)
    assert after["web", "Ready"][0] == "True" and after["web", "Ready"][1] > NOW + 100
    assert {k: v for k, v in after.items() if k[1] != "Ready"} == {k: v for k, v in before.items() if k[1] != "Ready"}


def test_a_hand_is_told_of_the_service_too(tmp_path: Path) -> None:
    one = {"web": service(restart="always")}
    stage = Stage(tmp_path, load(one, reconcile={"drift": "report"}))
    stage.settle(5)
    (web,) = stage.replicas("web")
    stage.meddle(lambda hands, now: hands.limit(web.id, now))
    stage.settle(30)
    told = conditions(stage)["web", "Drifted"]
    assert told.message == "shop-web-1: HostConfig.Memory is 128 MiB, not 64 MiB; `drift: report` only tells it"
    (of_stack,) = [said for said in stage.statuses[-1].conditions if said.type == "Drifted"]
    assert "shop-web-1: HostConfig.Memory is 128 MiB, not 64 MiB" in of_stack.message, "in the same words"
