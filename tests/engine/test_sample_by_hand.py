"""The sample stack is an ordinary Compose project: by hand it starts, answers and goes."""

import json
import os
import socket
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
PORTS = ("QDRANT_PORT", "REDIS_PORT", "POSTGRES_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT", "RAG_PORT")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(url: str, body: Mapping[str, Any] | None = None) -> Any:
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def ports() -> Iterator[Mapping[str, int]]:
    chosen = {name: free_port() for name in PORTS}
    project = f"rag-hand-{uuid.uuid4().hex[:8]}"
    environment = {**os.environ, **{name: str(port) for name, port in chosen.items()}}

    def compose(*words: str) -> None:
        command = ["docker", "compose", "-p", project, "-f", "compose/rag.yaml", *words]
        subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, check=True, capture_output=True)

    try:
        compose("up", "-d", "--wait", "--wait-timeout", "100")
        yield chosen
    finally:
        compose("down", "--volumes", "--timeout", "2")


@pytest.mark.slow
def test_the_sample_answers_through_its_published_port(ports: Mapping[str, int]) -> None:
    server = f"http://127.0.0.1:{ports['RAG_PORT']}"
    texts = ("Rolling updates replace one replica at a time.", "Bananas grow in warm countries.")
    stored = ask(f"{server}/documents", {"documents": [{"id": text[:7], "text": text} for text in texts]})
    assert stored == {"documents": 2, "passages": 2}

    first = ask(f"{server}/search", {"query": "how is a replica replaced?"})
    assert [found["text"] for found in first["results"]] == [texts[0]]
    assert not first["cached"]
    assert ask(f"{server}/search", {"query": "how is a replica replaced?"})["cached"]

    assert ask(f"{server}/ready")["failing"] == []
    assert ask(f"http://127.0.0.1:{ports['GRAFANA_PORT']}/api/health")["database"] == "ok"
    assert ask(f"http://127.0.0.1:{ports['QDRANT_PORT']}/collections/documents")["result"]["points_count"] == 2
