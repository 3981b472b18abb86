"""The gate of the scan, on a real engine: what has a finding is not started, what is hardened is."""

from __future__ import annotations

import pytest

from tests.engine.scenario import Scene, eventually, stays

pytestmark = pytest.mark.engine

HARDENED = """
    image: IMAGE
    command: ["sleep", "1000"]
    stop_signal: SIGKILL
    user: "10001:10001"
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    pids_limit: 50
    mem_limit: 32m
    cpus: 0.5
    restart: on-failure:3
    healthcheck: {test: ["CMD", "true"], interval: 1s}
    logging: {driver: json-file, options: {max-size: 1m}}
    ports: ["127.0.0.1::8080"]
    tmpfs: ["/tmp:size=1m"]
    volumes: ["data:/data", "./conf:/conf:ro"]
    environment: {MODE: production, DB_PASSWORD_FILE: /run/secrets/db}
    secrets: [db]
    networks: [back]
"""


def definition(**changed: str) -> str:
    """The hardened service, with these keys otherwise."""
    lines = [line.strip() for line in HARDENED.strip().splitlines()]
    kept = [line for line in lines if line.split(":")[0] not in changed]
    return "\n".join(f"    {line}" for line in (*kept, *(f"{key}: {value}" for key, value in changed.items())))


def write(scene: Scene, spec: str, **changed: str) -> None:
    scene.write("conf/app.conf", "x\n")
    scene.write("db.secret", "not telling\n").chmod(0o600)
    scene.compose(
        f"services:\n  web:\n{definition(**changed)}\n"
        "volumes: {data: {}}\nnetworks: {back: {}}\nsecrets: {db: {file: ./db.secret}}\n"
    )
    scene.manifest(spec)


def test_what_is_hardened_passes_the_strictest_gate_and_one_change_is_one_too_many(scene: Scene) -> None:
    waived = "{id: I02, service: web, reason: made here, expires: 2999-01-01}"
    spec = f"security: {{scan: {{failOn: low, waivers: [{waived}]}}}}"
    with scene.step("by its definition, and by the final request as well"):
        write(scene, spec)
        found = scene.data("scan", "--fail-on", "low", "--source", "compose")["findings"]
        assert [one["rule"] for one in found if one["waived"] is None] == [], found
        scene.done("apply")
        (one,) = scene.containers().values()
    with scene.step("another release that is worse does not come, and what runs stays"):
        write(scene, spec, privileged="true")
        ran = scene.run("apply")
        assert ran.code == 1 and "H03 it runs privileged" in ran.err
        assert [seen.id for seen in scene.containers().values()] == [one.id]
        (held,) = scene.data("plan")["held"]
        assert held["service"] == "web" and held["reason"] == "Insecure"
        assert scene.conditions()["Insecure"]["status"] == "True"


@pytest.mark.slow
def test_it_starts_as_soon_as_the_finding_is_mended_or_waived(scene: Scene) -> None:
    write(scene, "security: {scan: {failOn: high}}", network_mode="host", networks="[]", ports="[]")
    with scene.daemon("--watch"):
        with scene.step("it does not start"):
            eventually(lambda: scene.phases().get("web") == "Failed")
            stays(lambda: scene.containers() == {}, 1.0)
        with scene.step("until it is waived, with a reason and a day"):
            waiver = "{id: N01, service: web, reason: a test of the network itself, expires: 2999-01-01}"
            scene.manifest(f"security: {{scan: {{failOn: high, waivers: [{waiver}]}}}}")
            scene.await_phase("Converged")
        with scene.step("a waiver that is over counts no more: told, and the next create is refused"):
            scene.manifest(f"security: {{scan: {{failOn: high, waivers: [{waiver.replace('2999', '2001')}]}}}}")
            eventually(lambda: "Insecure" in scene.conditions())
            assert len(scene.containers()) == 1
            assert {one["rule"] for one in scene.data("scan")["findings"]} >= {"A01", "N01"}


def plain(extra: str = "", version: int = 1, side: str = "") -> str:
    """A service that stops before the next one of it starts, and perhaps one in its namespace."""
    web = (
        f"web: {{image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, environment: {{V: '{version}'}}{extra}}}"
    )
    beside = "side: {image: IMAGE, command: [sleep, '1000'], stop_signal: SIGKILL, network_mode: 'service:web'"
    return f"services:\n  {web}\n" + (f"  {beside}{side}}}\n" if side else "")


def test_nothing_makes_way_for_an_earlier_release_that_may_not_be_started(scene: Scene) -> None:
    first = "services: {web: {update: {order: stop-first, monitor: 0s}}}"
    scene.compose(plain(", volumes: ['/etc:/h:ro']"))
    scene.manifest(first)
    scene.done("apply")
    scene.compose(plain(version=2))
    scene.manifest(f"security: {{scan: {{failOn: high}}}}\n{first}")
    scene.done("apply")
    before = [seen.id for seen in scene.containers().values()]
    ran = scene.run("rollout", "undo", "web")
    assert ran.code == 1 and "not gone back to generation 1: web not started" in ran.err and "H05" in ran.err
    assert [seen.id for seen in scene.containers().values()] == before


def test_an_owner_stays_while_who_lives_in_it_could_not_follow(scene: Scene) -> None:
    scene.compose(plain(side=", volumes: ['/etc:/h:ro']"))
    scene.manifest()
    scene.done("apply")
    before = {seen.id for seen in scene.containers().values()}
    scene.compose(plain(version=2, side=", volumes: ['/etc:/h:ro']"))
    scene.manifest("security: {scan: {failOn: high}}")
    ran = scene.run("apply")
    assert ran.code == 1 and "side lives in its namespace and could not follow" in ran.err
    assert {seen.id for seen in scene.containers().values()} == before
