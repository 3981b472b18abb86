"""What several suites begin with: a store, an executor at an engine that waits, a house for daemons."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.loop.executor import Batch, Executor
from controller.loop.store import Store
from tests.component.house import House, Reading, open_house
from tests.component.releases import two_generations
from tests.component.stage import Stage
from tests.component.steps import PROJECT, Port, start


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """Two generations, both converged."""
    return two_generations(tmp_path)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "state" / "engine" / "rag"


@pytest.fixture
def store(folder):
    made = Store(folder, clock=lambda: 100.0)
    yield made
    made.close()


@pytest.fixture
def port():
    return Port()


@pytest.fixture
def executor(port):
    done = threading.Semaphore(0)
    made = Executor(port, lambda batch: done.release())
    made.done = done
    yield made
    for gate in port.held.values():
        gate.set()
    assert made.close(10)


@pytest.fixture
def batch(store):
    def make(service, *steps, rank=0.0, stack="s"):
        return Batch(stack, service, steps or (start(service),), PROJECT, store.replicas, rank)

    return make


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_house(tmp_path, Reading(tmp_path / "world")) as made:
        yield made
