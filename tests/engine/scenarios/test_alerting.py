"""One trouble is one message that names its root; who knows of it hears no more."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.engine.checks import docker
from tests.engine.scenario import IMAGE, Scene, eventually
from tests.webhook import Webhook, webhook

pytestmark = pytest.mark.engine


@pytest.fixture
def inbox() -> Iterator[Webhook]:
    with webhook() as made:
        yield made


def firing(inbox: Webhook) -> list[str]:
    """Severity, rule and service of what was taken, in order."""
    labels = [one["labels"] for message in inbox.taken for one in message["alerts"] if one["status"] == "firing"]
    return [f"{item['severity']} {item['alertname']} {item.get('service')}" for item in labels]


def channel(scene: Scene, inbox: Webhook) -> None:
    """A Controller whose one channel is the inbox; its address is in a file."""
    scene.write("manifests/ops.url", f"http://127.0.0.1:{inbox.server_port}/a-secret-path\n")
    head = "apiVersion: controller/v1\nkind: Controller\n"
    spec = "spec: {alertChannels: {ops: {urlFile: ops.url, alertmanager: true}}}\n"
    scene.write("manifests/controller.yaml", head + spec)


@pytest.mark.slow
def test_a_crash_loop_is_told_and_acknowledged_and_a_channel_that_was_down_hears_of_it_later(
    scene: Scene, inbox: Webhook
) -> None:
    scene.compose(f'services: {{web: {{image: {IMAGE}, command: ["false"], restart: always}}, db: {{SLEEP}}}}')
    scene.manifest("alerting: {rules: [{name: falls, phase: CrashLoopBackOff, for: 1s, labels: {team: shop}}]}")
    channel(scene, inbox)
    inbox.status = 503
    with scene.step("a test of the channel says that it is down, and does not quote its address"):
        ran = scene.run("alerts", "test")
        assert ran.code == 1 and "ops: it answered 503" in ran.err and "a-secret-path" not in ran.err
    with scene.daemon("--watch") as daemon:
        with scene.step("the alert is there, and its message is not"):
            eventually(lambda: [one["rule"] for one in scene.data("alerts")["alerts"]] == ["falls"])
            eventually(lambda: "AlertNotSent" in daemon.said())
            assert inbox.taken == []
        with scene.step("the channel comes back"):
            inbox.status = 200
            eventually(lambda: firing(inbox) == ["warning falls web"])
            assert inbox.taken[0]["alerts"][0]["labels"]["team"] == "shop"
            assert scene.done("alerts", "test").out == "ops: sent\n"
        with scene.step("somebody knows"):
            scene.done("alerts", "ack", "web")
            (shown,) = scene.data("get", "alerts")["alerts"]
            assert (shown["state"], list(shown["told"])) == ("Acknowledged", ["ops"])
            assert scene.run("alerts", "ack", "nobody").code == 1
    assert "a-secret-path" not in daemon.said() + scene.done("events").out


@pytest.mark.slow
def test_a_dead_database_with_ten_dependents_is_one_message_that_names_it(scene: Scene, inbox: Webhook) -> None:
    """All eleven fall: the database for good, the others because it is not there."""
    (scene.folder / "v").mkdir()
    well = scene.folder / "v" / "ok"
    well.touch()
    check = '{test: ["CMD", "test", "-f", "/v/ok"], interval: 1s, retries: 1}'
    common = f"image: {IMAGE}, volumes: ['./v:/v'], stop_signal: SIGKILL"
    patient = check.replace("retries: 1", "retries: 60")  # it is to die, not to be restarted before
    db = f'db: {{{common}, command: ["sh", "-c", "test -f /v/ok && sleep 1000"], healthcheck: {patient}}}'
    apps = [
        f'app{number}: {{{common}, command: ["sleep", "1000"], depends_on: [db], healthcheck: {check}}}'
        for number in range(10)
    ]
    scene.compose(f"services: {{{', '.join([db, *apps])}}}")
    scene.manifest()
    channel(scene, inbox)
    with scene.daemon("--watch"):
        scene.await_phase("Converged", 120)
        with scene.step("the database dies, and nothing that needs it is well"):
            well.unlink()
            docker("kill", scene.containers()["db-1"].id)
            eventually(lambda: len(firing(inbox)) == 1, 180)
            time.sleep(60)
        assert firing(inbox) == ["critical ServiceDown db"]
        (alert,) = scene.data("alerts")["alerts"]
        assert alert["affects"] == [f"app{number}" for number in range(10)]
        with scene.step("all is well again: that is no other trouble"):
            well.touch()
            scene.done("retry", timeout=120)
            scene.await_phase("Converged", 120)
            time.sleep(20)
            assert firing(inbox) == ["critical ServiceDown db"]
