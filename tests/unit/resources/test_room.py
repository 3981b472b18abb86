"""What there is room for: by the host's word or the engine's, never by both."""

from __future__ import annotations

import pytest

from controller.engines.base import EngineInfo
from controller.model.room import Facts, Source
from controller.model.usage import HostUsage
from controller.resources.room import make_facts

pytestmark = pytest.mark.unit

NOW = 1000.0
HOST = HostUsage(
    cores=8, cpu=1.5, memory_total=1600, memory_available=700, disk_path="/var/lib/docker", disk_total=500,
    disk_free=50, inodes_total=100, inodes_free=10,
)  # fmt: skip


def engine(*, shares_host: bool, data_root: str = "", cores: int | None = 2, memory: int | None = 400) -> EngineInfo:
    return EngineInfo(
        "x", "x", "1", "1", "unix://", data_root=data_root, cores=cores, memory_total=memory, shares_host=shares_host
    )


@pytest.mark.parametrize(
    ("info", "used", "expected"),
    [
        pytest.param(
            engine(shares_host=True, data_root="/var/lib/docker"),
            300,
            Facts(NOW, Source.HOST, 8, 1.5, 1600, 700, 500, 50, 100, 10),
            id="on our kernel the host counts, whatever containers use",
        ),
        pytest.param(
            engine(shares_host=True),
            None,
            Facts(NOW, Source.HOST, 8, 1.5, 1600, 700),
            id="a disk that is not the engine's is none",
        ),
        pytest.param(
            engine(shares_host=False),
            300,
            Facts(NOW, Source.ENGINE, 2, None, 400, 100),
            id="elsewhere: its total without what its containers use",
        ),
        pytest.param(
            engine(shares_host=False),
            500,
            Facts(NOW, Source.ENGINE, 2, None, 400, 0),
            id="never less than nothing",
        ),
        pytest.param(
            engine(shares_host=False),
            None,
            Facts(NOW, Source.ENGINE, 2, None, 400, None),
            id="elsewhere, and nobody has measured: not known",
        ),
        pytest.param(
            engine(shares_host=False, cores=None, memory=None),
            300,
            Facts(NOW, Source.ENGINE),
            id="an engine that tells nothing",
        ),
    ],
)
def test_what_there_is_room_for(info: EngineInfo, used: int | None, expected: Facts) -> None:
    assert make_facts(NOW, HOST, info, used) == expected
