"""What the ingress adds to a request: printed beside the same request without it, both at 200 a second."""

import http.client
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.engines.compose_engine import ComposeEngine
from tests.engine.ingress_bed import Bed

pytestmark = pytest.mark.engine

RATE, CLIENTS, SECONDS = 200, 4, 5.0


@pytest.fixture
def bed(docker_engine: ComposeEngine, tmp_path: Path) -> Iterator[Bed]:
    made = Bed(docker_engine, tmp_path)
    yield made
    made.clean()


def measure(*targets: tuple[str, int]) -> list[list[float]]:
    """Seconds of each request; every target gets RATE a second, in turns, so that all meet the same machine."""
    times: list[list[float]] = [[] for _ in targets]
    pause, begin = CLIENTS / RATE, time.monotonic()

    def ask(first: int) -> None:
        links = [http.client.HTTPConnection(*target, timeout=10) for target in targets]
        for tick in range(round(SECONDS / pause)):
            time.sleep(max(0.0, begin + first * pause / CLIENTS + tick * pause - time.monotonic()))
            for link, found in zip(links, times, strict=True):
                began = time.perf_counter()
                link.request("GET", "/")
                answer = link.getresponse()
                answer.read()
                if answer.status == 200:
                    found.append(time.perf_counter() - began)
        for link in links:
            link.close()

    hands = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return times


def test_every_request_is_answered_and_what_the_ingress_adds_is_printed(bed: Bed) -> None:
    replicas = [bed.run(number) for number in (1, 2, 3)]
    bed.put_in(*replicas)
    direct, through = measure((bed.address(replicas[0]), 8000), ("127.0.0.1", bed.port))
    assert len(direct) == len(through) == RATE * SECONDS
    middles = [statistics.median(times) * 1000 for times in (direct, through)]
    print(f"p50 direct {middles[0]:.2f} ms, ingress {middles[1]:.2f} ms, added {middles[1] - middles[0]:.2f} ms")
