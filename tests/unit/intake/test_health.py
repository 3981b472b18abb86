"""What is said of who waits for the health of a service in which nothing can be seen of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from controller.model.project import ImageDefaults
from tests.unit.intake.builders import needs, resolved

pytestmark = pytest.mark.unit

HEALTHY = needs("db", condition="service_healthy")


def brings_check(brings: bool | None) -> ImageDefaults | None:
    return None if brings is None else ImageDefaults(brings)


WAITS = {"web": HEALTHY, "db": {}}


@pytest.mark.parametrize(
    ("brings", "strict", "refused", "words"),
    [
        (None, False, False, "unless its image has one: it counts as healthy once it has run for 1 s"),
        (None, True, False, "unless its image has one"),
        (False, False, False, "no health check: it counts"),
        (False, True, True, "refused: security.strict"),
    ],
)
def test_waiting_for_the_health_of_what_has_no_check(
    brings: bool | None, strict: bool, refused: bool, words: str
) -> None:
    spec = {"security": {"strict": strict}}
    found = resolved(WAITS, spec, image_defaults=lambda image: brings_check(brings))
    (finding,) = found.errors if refused else found.warnings
    assert finding.path == "services.web.depends_on.db"
    assert words in finding.message
    assert (found.stack is None) == refused


@pytest.mark.parametrize(
    ("db", "spec", "brings"),
    [
        ({"healthcheck": {"test": ["CMD", "true"]}}, None, False),
        ({}, {"services": {"db": {"readiness": {"tcp": {"port": 1}}}}}, False),
        ({}, {"services": {"db": {"startupProbe": {"tcp": {"port": 1}}}}}, False),
        ({}, None, True),
        ({"healthcheck": {"interval": "5s"}}, None, True),
        ({"healthcheck": {"test": [], "retries": 2}}, None, True),
    ],
    ids=[
        "it has one",
        "the manifest has a probe",
        "or tells its start",
        "its image has one",
        "its image's is adjusted",
        "so it is",
    ],
)
def test_nothing_is_said_of_a_service_whose_health_can_be_seen(db: object, spec: object, brings: bool) -> None:
    found = resolved({"web": HEALTHY, "db": db}, spec, image_defaults=lambda image: brings_check(brings))  # type: ignore[dict-item,arg-type]
    assert found.warnings == found.errors == ()


@pytest.mark.parametrize("check", [{"disable": True}, {"test": ["NONE"], "interval": "5s"}], ids=["disable", "NONE"])
def test_a_check_that_is_switched_off_is_none_whatever_the_image_brings(check: Mapping[str, object]) -> None:
    found = resolved(
        {"web": HEALTHY, "db": {"healthcheck": check}}, image_defaults=lambda image: ImageDefaults(checks=True)
    )
    assert "has no health check: it counts" in found.warnings[0].message
