"""Registries that refuse, and an engine without a subnet: what runs is left alone, and it is said what would help."""

from __future__ import annotations

import re
import time
from collections import Counter

import pytest

from tests.engine.checks import docker, lives, running
from tests.engine.proxy import Answer, EngineProxy, Hang
from tests.engine.scenario import IMAGE, Scene, eventually
from tests.faults.private_engine import PrivateEngine

pytestmark = pytest.mark.engine

UNREACHABLE = 'Get "https://registry.test/v2/": dial tcp: lookup registry.test: no such host'
CUT = '{"status":"Downloading","id":"a"}\r\n{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}\r\n'
REFUSALS: dict[str, tuple[Answer, str]] = {
    "gone": (Answer(404, {"message": "manifest for x/gone:2 not found: manifest unknown"}), "manifest unknown"),
    "closed": (Answer(500, {"message": "Head x: unauthorized: authentication required"}), "unauthorized"),
    "busy": (Answer(500, {"message": "toomanyrequests: You have reached your pull rate limit"}), "toomanyrequests"),
    "broken": (Answer(500, {"message": "received unexpected HTTP status: 503 Service Unavailable"}), "503"),
    "nowhere": (Answer(500, {"message": UNREACHABLE}), "no such host"),
    "cut": (Answer(200, CUT.encode()), "unexpected EOF"),
}
"""What Docker says of a pull when its registry does so, by service, and what a person has to read of it."""


FELL = ("db", "gone", "slow")
"""Whom a hand ends meanwhile."""


def image(name: str, number: int) -> str:
    return f"localhost:1/{name}:{number}"


def stack(number: int, *names: str) -> str:
    run = 'command: ["sleep", "1000"], stop_signal: SIGKILL'
    services = "".join(f"  {name}: {{image: '{image(name, number)}', {run}}}\n" for name in names)
    return f"services:\n{services}  db: {{SLEEP}}\n"


@pytest.mark.fault("I1")
@pytest.mark.slow
def test_an_image_that_no_registry_gives_stops_nobody_and_is_asked_for_ever_more_seldom(
    scene: Scene, proxy: EngineProxy
) -> None:
    names = (*REFUSALS, "slow")
    for name in names:
        docker("tag", IMAGE, image(name, 1))
    scene.compose(stack(1, *names))
    hang = Hang()
    for name, (answer, _) in REFUSALS.items():
        proxy.rule("POST", rf"/images/create\?.*{name}.*", answer)
    slow = proxy.rule("POST", r"/images/create\?.*slow.*", hang)
    try:
        with scene.daemon("--watch"):
            scene.await_phase("Converged")
            before = scene.containers()
            with scene.step("all images change, and none can be had"):
                scene.compose(stack(2, *names))
                said = eventually(lambda: told(scene), every=0.5)
                for name, (_, words) in REFUSALS.items():
                    assert words in said[name][1] and image(name, 2) in scene.done("why", name).out, said[name]
                eventually(lambda: slow.met)
            with scene.step("meanwhile a neighbour is healed, and so are one of them and who waits for its pull"):
                docker("kill", before["db-1"].id, before["gone-1"].id, before["slow-1"].id)
                eventually(lambda: running(scene.containers()) == set(before))
            asked = pulls(proxy)
            time.sleep(15)
            later = pulls(proxy)
            assert all(later[name] - asked[name] <= 2 for name in names), (asked, later)
            assert lives(scene.containers(), but=FELL) == lives(before, but=FELL)
            with scene.step("the images are here: everything is replaced"):
                for name in names:
                    docker("tag", IMAGE, image(name, 2))
                hang.released.set()
                scene.run("retry", timeout=90)
                scene.await_phase("Converged", 90)
                found = scene.containers()
                assert running(found) == set(found) == set(before)
                assert all(found[f"{n}-1"].inspect["Config"]["Image"] == image(n, 2) for n in names)
    finally:
        hang.released.set()
        scene.clean()
        docker("rmi", *(image(name, number) for name in names for number in (1, 2) if has(image(name, number))))


def has(name: str) -> bool:
    return bool(docker("images", "-q", name).strip())


def told(scene: Scene) -> dict[str, tuple[str, str]]:
    """Reason and message of each service whose image is refused; empty until all say so."""
    found = {one["name"]: (one["reason"], one["message"]) for one in scene.status()["services"]}
    refused = {name: found[name] for name in REFUSALS}
    return refused if all(reason == "ImagePullBackOff" for reason, _ in refused.values()) else {}


def pulls(proxy: EngineProxy) -> Counter[str]:
    """How often each image was asked for."""
    found = (re.search(r"images/create\?.*localhost%3A1%2F(\w+)", call.question) for call in tuple(proxy.calls))
    return Counter(match[1] for match in found if match)


NARROW = ("--default-address-pool", "base=10.213.0.0/29,size=30")
"""Room for two networks."""


@pytest.mark.fault("I5")
@pytest.mark.slow
@pytest.mark.parametrize("options", [NARROW], ids=["two subnets"])
def test_without_a_subnet_it_is_said_what_to_do_and_who_needs_none_runs(engine: PrivateEngine, scene: Scene) -> None:
    for name in ("one", "two"):
        docker("network", "create", name)
    scene.compose("services: {web: {SLEEP}, alone: {SLEEP, network_mode: none}}")
    with scene.step("there is none: it is said with its mend, and no container is made that cannot start"):
        ran = scene.run("apply", "--timeout", "6s")
        assert ran.code == 1 and "docker network prune" in ran.err and "Traceback" not in ran.err
        assert set(scene.containers()) == running(scene.containers()) == {"alone-1"}
    before = scene.containers()["alone-1"].life
    with scene.step("one is free again"):
        docker("network", "rm", "one")
        scene.done("apply")
        assert running(scene.containers()) == {"alone-1", "web-1"} and scene.containers()["alone-1"].life == before
