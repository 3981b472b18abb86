"""What is to be measured, out of the manifest; what of it cannot be is refused at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from controller.intake.metrics import check_metrics, read_metrics
from controller.model.manifest import Stack
from controller.model.metrics import CustomMetric, Listening, MetricsPolicy

pytestmark = pytest.mark.unit

HERE = Path("/srv/shop")
HTTP = {"port": 8000, "path": "/metrics"}
JOBS = {"name": "jobs", "service": "web", "http": HTTP, "series": 'jobs{queue="a"}'}


def stack(**metrics: Any) -> Stack:
    document = {"apiVersion": "controller/v1", "kind": "Stack", "metadata": {"name": "shop"}}
    return Stack.model_validate({**document, "spec": {"metrics": metrics}})


def test_what_is_measured() -> None:
    assert read_metrics(None, HERE) == read_metrics(stack(), HERE) == MetricsPolicy(True, 15.0, 7 * 86400.0)
    exec_ = {"name": "queue", "service": "web", "exec": ["cat", "/n"]}
    assert read_metrics(
        stack(enabled=False, interval="5s", retention="1d", custom=[JOBS, exec_]), HERE
    ) == MetricsPolicy(
        False,
        5.0,
        86400.0,
        (
            CustomMetric("jobs", "web", 8000, "/metrics", 'jobs{queue="a"}'),
            CustomMetric("queue", "web", command=("cat", "/n")),
        ),
    )


@pytest.mark.parametrize(
    ("metrics", "listening"),
    [
        ({}, None),
        ({"listen": "127.0.0.1:7071"}, Listening("127.0.0.1", 7071)),
        ({"listen": "[::1]:7071"}, Listening("::1", 7071)),
        ({"listen": "host-gateway:7071", "tokenFile": "a/t"}, Listening("host-gateway", 7071, HERE / "a/t")),
        ({"listen": "h:7071", "tokenFile": "/run/t"}, Listening("h", 7071, Path("/run/t"))),
    ],
)
def test_where_it_is_scraped(metrics: dict[str, Any], listening: Listening | None) -> None:
    found = read_metrics(stack(**metrics), HERE).listen
    assert found == listening
    assert found is None or found.address == metrics["listen"]


@pytest.mark.parametrize(
    "address", ["7071", "127.0.0.1", "http://127.0.0.1:7071", ":7071", "::1:7071", "a:b", "a:123456"]
)
def test_a_malformed_address_is_refused(address: str) -> None:
    with pytest.raises(ValidationError) as refused:
        stack(listen=address)
    assert refused.value.errors()[0]["loc"] == ("spec", "metrics", "listen")


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        ({"listen": "127.0.0.1:7071"}, None),
        ({"listen": "127.0.0.1:0"}, ("spec.metrics.listen", "a port is a number from 1 to 65535")),
        ({"listen": "127.0.0.1:70710"}, ("spec.metrics.listen", "a port is a number from 1 to 65535")),
        ({"tokenFile": "t"}, ("spec.metrics.tokenFile", "nobody shows a token")),
        ({"listen": "h:1", "tokenFile": ""}, ("spec.metrics.tokenFile", "a file has a name")),
        ({"custom": [JOBS]}, None),
        ({"interval": "100ms"}, ("spec.metrics.interval", "nothing is measured more often than each second")),
        ({"custom": [JOBS, JOBS]}, ("spec.metrics.custom[1].name", "a second metric is called 'jobs'")),
        ({"custom": [{**JOBS, "name": "cpu"}]}, ("spec.metrics.custom[0].name", "is a metric that every service has")),
        ({"custom": [{**JOBS, "service": "wbe"}]}, ("spec.metrics.custom[0].service", "there is no service 'wbe'")),
        ({"custom": [{**JOBS, "exec": "x"}]}, ("spec.metrics.custom[0]", "needs either http or exec")),
        ({"custom": [{**JOBS, "http": None}]}, ("spec.metrics.custom[0]", "needs either http or exec")),
        ({"custom": [{**JOBS, "series": None}]}, ("spec.metrics.custom[0]", "needs a series")),
        ({"custom": [{**JOBS, "http": None, "exec": "x"}]}, ("spec.metrics.custom[0].series", "is scraped by http")),
        ({"custom": [{**JOBS, "series": "sum(x)"}]}, ("spec.metrics.custom[0].series", "names no series")),
    ],
)
def test_what_cannot_be_measured(metrics: dict[str, Any], told: tuple[str, str] | None) -> None:
    found = list(check_metrics(stack(**metrics), {"web", "db"}))
    if told is None:
        assert found == []
    else:
        (finding,) = found
        assert finding.path == told[0] and told[1] in finding.message and finding.hint
