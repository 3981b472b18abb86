"""What containers use on a real engine: by the kernel's files and by Docker's answer it is the same."""

from __future__ import annotations

import os
import subprocess
import time
import uuid
from collections.abc import Iterator

import pytest

from controller.engines.client import Client
from controller.engines.compose_engine import ComposeEngine
from controller.engines.gauges import Gauges
from controller.engines.transport import resolve_endpoint
from controller.engines.vantage import Vantage
from controller.model.names import ReplicaId, Revision
from controller.model.observed import Replica, ReplicaPhase

pytestmark = pytest.mark.engine

IMAGE = os.environ.get("TEST_IMAGE", "local/busybox:1.35")


def docker(*words: str) -> str:
    return subprocess.run(("docker", *words), check=True, capture_output=True, text=True, timeout=120).stdout.strip()


@pytest.fixture
def containers() -> Iterator[list[Replica]]:
    mark = f"usage{uuid.uuid4().hex[:8]}"
    count = int(os.environ.get("USAGE_CONTAINERS", "2"))
    made = [
        docker("run", "-d", "--name", f"{mark}-{n}", "--memory", "64m", "--cpus", "0.5", IMAGE, "sh", "-c",
               "dd if=/dev/zero of=/tmp/x bs=1M count=4 2>/dev/null; exec sleep 1000")
        for n in range(count)
    ]  # fmt: skip
    yield [
        Replica(ReplicaId(one), f"{mark}-{n}", "s", n, Revision(""), ReplicaPhase.RUNNING, started_at=1.0)
        for n, one in enumerate(made)
    ]
    docker("rm", "--force", *made)


@pytest.fixture
def client() -> Iterator[Client]:
    made = Client(resolve_endpoint(os.environ))
    yield made
    made.close()


def test_the_kernel_and_docker_say_the_same(client: Client, containers: list[Replica]) -> None:
    here = Gauges(client, Vantage(client))
    asked = Gauges(client, Vantage(client))
    asked._mounts = {}
    try:
        time.sleep(1.0)
        seen, told = here.read(containers, deadline=10.0), asked.read(containers, deadline=10.0)
    finally:
        here.close()
        asked.close()
    assert seen.keys() == told.keys() == {one.id for one in containers}
    if all(known.folders is None for known in here._known.values()):
        pytest.skip("the engine does not share our kernel")
    for container in containers:
        ours, theirs = seen[container.id], told[container.id]
        assert (ours.cpu_limit, ours.memory_limit) == (theirs.cpu_limit, theirs.memory_limit) == (0.5, 64 << 20)
        assert ours.processes == theirs.processes == 1
        assert ours.cpu == pytest.approx(theirs.cpu, abs=0.01)
        assert ours.memory is not None and ours.memory < 4 << 20, "the file cache does not count"
        assert ours.memory == pytest.approx(theirs.memory, abs=1 << 20)
        assert ours.received == pytest.approx(theirs.received, abs=4096)
        assert (ours.read, ours.written) == (theirs.read, theirs.written)


def test_one_sample_starts_no_process_and_calls_nobody_a_second_time(client: Client, containers: list[Replica]) -> None:
    here = Gauges(client, Vantage(client))
    try:
        first = here.read(containers, deadline=10.0)
        if any(known.folders is None for known in here._known.values()):
            pytest.skip("the engine does not share our kernel")
        client.close()
        begun = time.process_time()
        for _ in range(100):
            again = here.read(containers, deadline=1.0)
        print(f"{len(containers)} containers: {(time.process_time() - begun) * 10:.2f} ms of processor a sample")
        assert again.keys() == first.keys()
    finally:
        here.close()


def test_a_command_that_hangs_is_begun_once_until_it_is_ended(containers: list[Replica]) -> None:
    engine, name = ComposeEngine(), containers[0].name
    hangs = ["sh", "-c", "echo $$ >> /tmp/begun; sleep 77; echo 7"]
    begun = lambda: docker("exec", name, "cat", "/tmp/begun").split()  # noqa: E731
    try:
        codes = [engine.execute(containers[0].id, hangs, timeout=1.0, alone=True).exit_code for _ in range(3)]
        assert codes == [None] * 3 and len(begun()) == 1
        docker("exec", name, "sh", "-c", "kill $(cat /tmp/begun)")
        time.sleep(0.5)
        engine.execute(containers[0].id, hangs, timeout=1.0, alone=True)
        assert len(begun()) == 2
    finally:
        engine.close()
