"""Wire formats and keys of the sample's retrieval server."""

import io

import pytest
from ragserver.metrics import Metrics
from ragserver.retrieval import cache_key, make_points
from ragserver.stores import encode_command, read_answer

pytestmark = pytest.mark.unit


def test_commands_are_arrays_of_bulk_strings() -> None:
    assert encode_command("SET", "k", b"\x00\r\n") == b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\x00\r\n\r\n"


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"+PONG\r\n", b"PONG"),
        (b":7\r\n", 7),
        (b"$-1\r\n", None),
        (b"$0\r\n\r\n", b""),
        (b"$4\r\na\r\nb\r\n", b"a\r\nb"),
    ],
)
def test_answers_are_read(raw: bytes, value: bytes | int | None) -> None:
    assert read_answer(io.BufferedReader(io.BytesIO(raw))) == value


@pytest.mark.parametrize(("raw", "message"), [(b"-ERR no\r\n", "ERR no"), (b"", "closed")])
def test_an_error_or_a_hang_up_is_raised(raw: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_answer(io.BufferedReader(io.BytesIO(raw)))


def test_points_of_a_document_keep_their_ids() -> None:
    first, second = (make_points("guide", "some words here", at) for at in (1.0, 2.0))
    assert [point["id"] for point in first] == [point["id"] for point in second]
    assert make_points("other", "some words here", 1.0)[0]["id"] != first[0]["id"]
    assert first[0]["payload"] == {"document": "guide", "passage": 0, "text": "some words here", "storedAt": 1.0}


def test_a_cached_answer_is_good_for_one_epoch_one_query_and_one_limit() -> None:
    keys = {cache_key(epoch, query, limit) for epoch in (b"1", b"2") for query in ("a b", "b a") for limit in (1, 2)}
    assert len(keys) == 8
    assert cache_key(b"1", " a   b ", 1) == cache_key(b"1", "a b", 1)


def test_metrics_come_in_prometheus_format() -> None:
    metrics = Metrics()
    assert metrics.render() == ""
    metrics.count("rag_requests_total", path='/"x"', status="200")
    metrics.time_request("/search", 0.02)
    metrics.time_request("/search", 9)
    lines = metrics.render().splitlines()
    assert r'rag_requests_total{path="/\"x\"",status="200"} 1' in lines
    assert 'rag_request_seconds_bucket{path="/search",le="0.01"} 0' in lines
    assert 'rag_request_seconds_bucket{path="/search",le="0.025"} 1' in lines
    assert 'rag_request_seconds_bucket{path="/search",le="+Inf"} 2' in lines
    assert 'rag_request_seconds_count{path="/search"} 2' in lines
