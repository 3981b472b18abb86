"""Times that are shorter than what services are known to take are told with the numbers, and the mend."""

from __future__ import annotations

from typing import Any

import pytest

from controller.intake.learned import warn_learned
from controller.model.errors import Finding
from controller.model.names import Revision
from controller.model.timings import MANY, Sample, Span, Timings
from tests.unit.intake.builders import rendered, resolved, stack

pytestmark = pytest.mark.unit

CHECK = {"healthcheck": {"test": ["CMD", "true"], "interval": "7s", "retries": 2}}
"""Gives up after 14 s."""


def found(
    seconds: list[float], spec: dict[str, Any] | None = None, definition: dict[str, Any] | None = None
) -> list[Finding]:
    services = {"web": definition or {}}
    resolution = resolved(services, spec)
    assert resolution.stack is not None
    timings = Timings({("web", Span.OWN): tuple(Sample(one, Revision("v")) for one in seconds)})
    models = rendered(services).model["services"]
    return list(warn_learned(resolution.stack, models, None if spec is None else stack(spec), timings))


TWENTY = [10.0, *[9.0] * 19]
"""p99: 10.3 s; enough: 12.8 s, given as 13."""


def test_a_timeout_that_is_too_short_is_told_with_the_numbers_and_the_mend() -> None:
    (one,) = found(TWENTY, {"services": {"web": {"startTimeout": "10s"}}})
    assert one.path == "spec.services.web.startTimeout"
    assert one.message == (
        "'web' took up to 10.0 s to be ready in 20 starts, and 1 of 100 may take 10.3 s: "
        "more than the 10 s that it has; it is given 13 s"
    )
    assert one.hint == "set startTimeout: 13s for it"


def test_it_is_told_what_it_is_given_where_that_is_less_than_it_needs() -> None:
    (one,) = found(TWENTY, {"services": {"web": {"startTimeout": "5s"}}})
    assert one.message.endswith("more than the 5 s that it has; it is given 10 s")
    assert one.hint == "set startTimeout: 13s for it"


def test_that_of_the_stack_is_told_at_the_stack() -> None:
    (one,) = found(TWENTY, {"startup": {"timeout": "9s"}})
    assert (one.path, one.hint) == ("spec.startup.timeout", "set startTimeout: 13s for it")


def test_what_its_startup_probe_gives_it_counts() -> None:
    probe = {"tcp": {"port": 1}, "interval": "1s", "retries": 2}
    assert found(TWENTY, {"services": {"web": {"startTimeout": "9s", "startupProbe": probe}}}) == []
    (one,) = found(TWENTY, {"services": {"web": {"startTimeout": "8s", "startupProbe": probe}}})
    assert one.hint == "set startTimeout: 11s for it"


def test_without_a_manifest_it_is_told_at_the_service() -> None:
    (one,) = found([130.0] * 20)
    assert (one.path, one.hint) == ("services.web", "a manifest's startTimeout says so for good")


def test_a_check_that_gives_up_too_early_is_told_at_the_check() -> None:
    (one,) = found([14.0, *[12.0] * 19], None, CHECK)
    assert one.path == "services.web.healthcheck"
    assert one.message == (
        "'web' took up to 14.0 s to be ready in 20 starts, and 1 of 100 may take 14.6 s: "
        "its check calls it unhealthy after 14 s"
    )
    assert one.hint == "give the health check start_period: 4s"


def test_a_probe_with_a_period_of_its_own_is_told_too() -> None:
    readiness = {"tcp": {"port": 1}, "interval": "1s", "startPeriod": "2s"}
    (one,) = found(TWENTY, {"services": {"web": {"readiness": readiness}}})
    assert (one.path, one.hint) == ("spec.services.web.readiness", "give it startPeriod: 10s")


@pytest.mark.parametrize(
    ("seconds", "spec", "definition"),
    [
        pytest.param(TWENTY, {"services": {"web": {"startTimeout": "11s"}}}, None, id="long enough"),
        pytest.param(TWENTY, None, CHECK, id="a check that waits long enough"),
        pytest.param(TWENTY, None, {"healthcheck": {"interval": "1s"}}, id="the image's check"),
        pytest.param([10.0] * (MANY - 1), {"startup": {"timeout": "1s"}}, None, id="not measured enough"),
        pytest.param(TWENTY, {"startup": {"timeout": "1s"}, "services": {"web": {"job": True}}}, None, id="a job"),
        pytest.param(
            TWENTY, {"startup": {"timeout": "1s"}, "optimization": {"learnedTimeouts": False}}, CHECK, id="switched off"
        ),
        pytest.param(
            TWENTY,
            {"services": {"web": {"readiness": {"tcp": {"port": 1}, "interval": "1s"}}}},
            None,
            id="a probe that is lenient for the time of a start",
        ),
    ],
)
def test_what_is_not_too_short_or_not_known_is_not_told(
    seconds: list[float], spec: dict[str, Any] | None, definition: dict[str, Any] | None
) -> None:
    assert found(seconds, spec, definition) == []


def test_who_leaves_is_not_told_of() -> None:
    spec = {
        "startup": {"timeout": "1s"},
        "profile": "none",
        "startupProfiles": {"none": {"services": ["db"]}},
    }
    services: dict[str, dict[str, Any]] = {"web": {}, "db": {}}
    resolution = resolved(services, spec)
    assert resolution.stack is not None
    timings = Timings({("web", Span.OWN): (Sample(10.0),) * 20})
    assert list(warn_learned(resolution.stack, rendered(services).model["services"], stack(spec), timings)) == []
