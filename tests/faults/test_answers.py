"""Whatever the engine answers, or does not: one of each in the end, and nothing is concluded from a bad answer."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.engine.checks import docker, hearing, lives, running
from tests.engine.proxy import Answer, ApplyThenDrop, Delay, Drop, Effect, EngineProxy, Garble, Rewrite, Truncate
from tests.engine.scenario import Scene, eventually, stays

pytestmark = pytest.mark.engine

QUICK = "startup: {maxParallel: 12, retry: {attempts: 5, initialDelay: 200ms, maxDelay: 500ms}}"

NOISE = {"message": "conflict, as the test says"}

CREATES: dict[str, Effect] = {
    "a500": Answer(500),
    "b429": Answer(429),
    "c409": Answer(409, NOISE),
    "d404": Answer(404, {"message": "No such thing"}),
    "ereset": Drop(),
    "flost": ApplyThenDrop(),
    "ggarbled": Garble(),
    "hcut": Truncate(),
    "iopen": Truncate(honest=False),
    "jempty": Rewrite(lambda made: {}),
    "kslow": Delay(0.5),
}


def one_service_each(names: dict[str, Effect]) -> str:
    return "services:\n" + "".join(f"  {name}: {{SLEEP}}\n" for name in names)


@pytest.mark.fault("D5")
@pytest.mark.fault("D9")
def test_a_create_that_is_answered_badly_makes_one_container(scene: Scene, proxy: EngineProxy) -> None:
    scene.compose(one_service_each(CREATES))
    scene.manifest(QUICK)
    rules = {
        name: proxy.rule("POST", rf"/containers/create\?.*name={scene.name}-{name}-1.*", effect, times=1)
        for name, effect in CREATES.items()
    }
    with hearing(scene.name, "create") as heard:
        with scene.step("each service's first create gets another bad answer"):
            scene.done("apply", timeout=100)
        assert {name for name, rule in rules.items() if rule.met != 1} == set()
        assert running(scene.containers()) == set(scene.containers()) == {f"{name}-1" for name in CREATES}
        with scene.step("what was made of an unknown answer is used, not made again"):
            eventually(lambda: Counter(one.name for one in heard) == dict.fromkeys(scene.containers(), 1))
    scene.hand("up", "-d")
    assert not scene.data("plan")["changes"]


STARTS: dict[str, Effect] = {
    "500": Answer(500),
    "304 after doing it": ApplyThenDrop(Answer(304)),
    "409": Answer(409, NOISE),
    "404": Answer(404, {"message": "No such container"}),
    "429": Answer(429),
    "reset": Drop(),
    "done, and nobody heard": ApplyThenDrop(),
    "done, and 500": ApplyThenDrop(Answer(500)),
}


@pytest.mark.fault("D5")
@pytest.mark.fault("D9")
@pytest.mark.slow
def test_a_start_that_is_answered_badly_starts_once(scene: Scene, proxy: EngineProxy) -> None:
    names = [f"s{number}" for number in range(len(STARTS))]
    scene.compose(one_service_each(dict.fromkeys(names, Drop())))
    scene.manifest(QUICK)
    rules = [proxy.rule("POST", r"/containers/\w+/start", effect, times=1) for effect in STARTS.values()]
    with hearing(scene.name, "start") as heard:
        scene.done("apply", timeout=100)
        assert [rule.met for rule in rules] == [1] * len(rules)
        assert running(scene.containers()) == {f"{name}-1" for name in names}
        with scene.step("the engine started each of them once"):
            eventually(lambda: Counter(one.name for one in heard) == dict.fromkeys(scene.containers(), 1))


ENDINGS: dict[str, tuple[str, str, Effect]] = {
    "gone, and 404": ("DELETE", r"/containers/\w+", ApplyThenDrop(Answer(404, {"message": "No such container: x"}))),
    "gone, and nobody heard": ("DELETE", r"/containers/\w+", ApplyThenDrop()),
    "in progress": (
        "DELETE",
        r"/containers/\w+",
        ApplyThenDrop(Answer(409, {"message": "removal of container x is already in progress"})),
    ),
    "not removed, 500": ("DELETE", r"/containers/\w+", Answer(500)),
    "stopped, and 304": ("POST", r"/containers/\w+/stop", ApplyThenDrop(Answer(304))),
    "stopped, and nobody heard": ("POST", r"/containers/\w+/stop", ApplyThenDrop()),
    "not stopped, reset": ("POST", r"/containers/\w+/stop", Drop()),
}


@pytest.mark.fault("D5")
@pytest.mark.fault("D9")
@pytest.mark.slow
def test_what_leaves_is_gone_once_and_its_successor_is_made_once(scene: Scene, proxy: EngineProxy) -> None:
    names = [f"s{number}" for number in range(len(ENDINGS))]
    text = "services:\n" + "".join(f"  {name}: {{SLEEP, environment: {{V: '1'}}}}\n" for name in names)
    scene.compose(text)
    scene.manifest(
        f"{QUICK}\nservices: {{{', '.join(f'{n}: {{update: {{monitor: 0s, order: stop-first}}}}' for n in names)}}}"
    )
    scene.done("apply")
    rules = [proxy.rule(*ending, times=1) for ending in ENDINGS.values()]
    with hearing(scene.name, "create", "destroy") as heard:
        with scene.step("everything is replaced, and the first stops and removals are answered badly"):
            scene.compose(text.replace("'1'", "'2'"))
            scene.done("apply", timeout=100)
        assert [rule.met for rule in rules] == [1] * len(rules)
        found = scene.containers()
        assert running(found) == set(found) == {f"{name}-1" for name in names}
        assert all("V=2" in one.inspect["Config"]["Env"] for one in found.values())
        once = {(action, name): 1 for action in ("create", "destroy") for name in found}
        eventually(lambda: Counter((one.action, one.name) for one in heard) == once)


def await_look(proxy: EngineProxy) -> None:
    """Until the list was asked for once more."""
    since = len(proxy.calls)
    eventually(lambda: any(call.path == "/containers/json" for call in proxy.calls[since:]))


LOOKS: dict[str, Effect] = {
    "500": Answer(500),
    "429": Answer(429),
    "404": Answer(404, {"message": "page not found"}),
    "304": Answer(304),
    "reset": Drop(),
    "half of it": Truncate(),
    "half of it, without a length": Truncate(honest=False),
    "no JSON": Garble(),
    "nothing at all": Answer(200, b""),
    "null": Answer(200, None),
    "an object": Answer(200, {}),
    "somebody else's words": Answer(200, "<html>login</html>"),
    "an empty list": Rewrite(lambda found: []),
    "half a list": Rewrite(lambda found: found[::2]),
}

FEW = {"500", "half of it", "an object", "half a list"}


@pytest.mark.fault("D5")
@pytest.mark.fault("D6")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("names", [FEW, pytest.param(set(LOOKS) - FEW, marks=pytest.mark.slow)], ids=["few", "rest"])
def test_a_list_that_cannot_be_believed_is_no_world_without_containers(
    scene: Scene, proxy: EngineProxy, names: set[str]
) -> None:
    scene.compose("services: {web: {SLEEP, deploy: {replicas: 3}}, db: {SLEEP}}")
    with scene.daemon("--watch") as daemon:
        scene.await_phase("Converged")
        before, wrote = scene.containers(), len(proxy.writes())
        for name, effect in [(name, LOOKS[name]) for name in sorted(names)]:
            with scene.step(f"every look is answered by {name}"):
                told = daemon.said().count("EngineUnavailable")
                with proxy.while_ruled("GET", "/containers/json", effect) as rule:
                    proxy.cut()  # after a gap in the events everything is looked at
                    eventually(lambda rule=rule: rule.met >= 2)
                    eventually(lambda told=told: daemon.said().count("EngineUnavailable") > told)
                await_look(proxy)
                eventually(lambda: "EngineUnavailable" not in scene.conditions())  # said anew once it was over
        assert lives(scene.containers()) == lives(before) and len(proxy.writes()) == wrote
        with scene.step("and what is really gone is made again"):
            docker("rm", "-f", before["web-2"].id)
            eventually(lambda: running(scene.containers()) == set(before))
            assert lives(scene.containers(), but="web") == lives(before, but="web")


@pytest.mark.fault("D6")
@pytest.mark.slow
def test_a_controller_that_begins_with_an_empty_list_makes_nothing(scene: Scene, proxy: EngineProxy) -> None:
    scene.compose("services: {web: {SLEEP, deploy: {replicas: 3}}, db: {SLEEP}}")
    scene.done("apply")
    before, wrote = scene.containers(), len(proxy.writes())
    rule = proxy.rule("GET", "/containers/json", Rewrite(lambda found: []))
    with scene.daemon() as daemon:
        eventually(lambda: "which exist" in daemon.said())
        eventually(lambda: rule.met > 3)
        stays(lambda: len(proxy.writes()) == wrote, 1)
        with scene.step("the list is whole again"):
            proxy.drop(rule)
            await_look(proxy)
            scene.await_phase("Converged", 30)
    assert lives(scene.containers()) == lives(before) and len(proxy.writes()) == wrote


@pytest.mark.fault("D8")
@pytest.mark.parametrize(
    "headers, said",
    [
        ({"Server": "Libpod/4.3.1 (linux)", "Libpod-API-Version": "4.3.1", "Api-Version": "1.41"}, "Podman"),
        ({"Api-Version": "1.24"}, "API 1.24, older than 1.41"),
    ],
    ids=["Podman's socket is refused with one line", "an engine that is too old is refused with one line"],
)
def test_an_engine_that_is_none_of_ours(scene: Scene, proxy: EngineProxy, headers: dict[str, str], said: str) -> None:
    scene.compose("services: {web: {SLEEP}}")
    for method in ("GET", "HEAD"):
        proxy.rule(method, "/_ping", Answer(200, b"OK" if method == "GET" else b"", headers))
    for words in (("apply",), ("run",)):
        ran = scene.run(*words)
        assert ran.code == 1 and said in ran.err and "Traceback" not in ran.err
        assert len([line for line in ran.err.splitlines() if not line.startswith("hint:")]) == 1
    assert not proxy.writes()


@pytest.mark.fault("D8")
@pytest.mark.slow
def test_an_engine_that_speaks_a_newer_version_is_spoken_to_in_ours(scene: Scene, proxy: EngineProxy) -> None:
    scene.compose("services: {web: {SLEEP}}")
    proxy.rule("GET", "/_ping", Answer(200, b"OK", {"Api-Version": "1.99"}))
    scene.run("apply", timeout=30)
    ours = {call.target.split("/")[1] for call in proxy.calls if call.path == "/info" and call.target != "/info"}
    assert "v1.47" in ours and "v1.99" not in ours
