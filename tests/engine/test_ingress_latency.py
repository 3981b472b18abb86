"""What the ingress adds to a request: printed beside the same request without it, both at 200 a second."""

import statistics

import pytest

from tests.engine.ingress_bed import Bed
from tests.engine.pace import RATE, SECONDS, measure

pytestmark = pytest.mark.engine


def test_every_request_is_answered_and_what_the_ingress_adds_is_printed(bed: Bed) -> None:
    replicas = [bed.run(number) for number in (1, 2, 3)]
    bed.put_in(*replicas)
    direct, through = measure((bed.address(replicas[0]), 8000), ("127.0.0.1", bed.port))
    assert len(direct) == len(through) == RATE * SECONDS
    middles = [statistics.median(times) * 1000 for times in (direct, through)]
    print(f"p50 direct {middles[0]:.2f} ms, ingress {middles[1]:.2f} ms, added {middles[1] - middles[0]:.2f} ms")
