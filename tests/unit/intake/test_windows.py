"""Whether a health check can say anything in the time that it is given."""

from __future__ import annotations

from typing import Any

import pytest

from controller.intake.windows import Window, find_refused, read_window
from tests.unit.intake.builders import resolved

pytestmark = pytest.mark.unit

TEST = {"test": ["CMD", "true"]}


def told(definition: dict[str, Any], policy: dict[str, Any] | None = None, **spec: Any) -> list[tuple[str, str]]:
    """Place and words of each warning on one service."""
    found = resolved(
        {"web": definition}, None if policy is None and not spec else {"services": {"web": policy}, **spec}
    )
    assert found.errors == ()
    return [(str(one.path), one.message) for one in found.warnings]


def check(**others: Any) -> dict[str, Any]:
    return {"healthcheck": {**TEST, **others}}


def deploy(**update: Any) -> dict[str, Any]:
    return {"deploy": {"update_config": update}}


@pytest.mark.parametrize(
    ("definition", "policy", "place"),
    [
        pytest.param(
            check(interval="10s"), {"update": {"monitor": "5s"}}, "spec.services.web.update.monitor", id="both"
        ),
        pytest.param(check(), {"update": {"monitor": "89s"}}, "spec.services.web.update.monitor", id="Docker's pace"),
        pytest.param(
            {**check(interval="10s"), **deploy(monitor="5s")},
            None,
            "services.web.deploy.update_config.monitor",
            id="in the Compose file",
        ),
        pytest.param(
            check(interval="10s"),
            {"rollback": {"monitor": "5s"}},
            "spec.services.web.rollback.monitor",
            id="of rollbacks",
        ),
        pytest.param(
            {},
            {"update": {"monitor": "5s"}, "readiness": {"tcp": {"port": 1}, "interval": "2s"}},
            "spec.services.web.update.monitor",
            id="the manifest's probe",
        ),
    ],
)
def test_a_watch_in_which_the_check_cannot_fail_is_told_where_it_is_asked_for(
    definition: dict[str, Any], policy: dict[str, Any] | None, place: str
) -> None:
    ((where, words),) = told(definition, policy)
    assert where == place
    assert "only its end would be noticed" in words


def test_the_words_have_the_numbers_and_the_mend() -> None:
    (one,) = resolved({"web": check(interval="10s")}, {"services": {"web": {"update": {"monitor": "5s"}}}}).warnings
    assert one.message == (
        "a new 'web' is watched for 5 s (monitor), and its check calls nobody unhealthy before 30 s (3 × 10 s): "
        "only its end would be noticed"
    )
    assert one.hint == "give a monitor of 30s, or a check with a shorter interval or fewer retries"


@pytest.mark.parametrize(
    ("definition", "policy"),
    [
        pytest.param(check(interval="10s"), None, id="nobody chose the watch"),
        pytest.param(check(interval="1s"), {"update": {"monitor": "3s"}}, id="just long enough"),
        pytest.param(check(interval="10s"), {"update": {"monitor": "0s"}}, id="not watched at all"),
        pytest.param(check(interval="10s"), {"update": {"monitor": "5s", "watch": "ready"}}, id="as Swarm does"),
        pytest.param({}, {"update": {"monitor": "5s"}}, id="no check"),
        pytest.param({"healthcheck": {"interval": "10s"}}, {"update": {"monitor": "5s"}}, id="the image's, adjusted"),
        pytest.param({"healthcheck": {"disable": True}}, {"update": {"monitor": "5s"}}, id="switched off"),
        pytest.param(
            check(interval="10s"),
            {"update": {"monitor": "5s"}, "readiness": {"tcp": {"port": 1}, "interval": "1s"}},
            id="the manifest's probe is asked instead",
        ),
    ],
)
def test_what_can_work_is_not_told(definition: dict[str, Any], policy: dict[str, Any] | None) -> None:
    assert told(definition, policy) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"start_interval": "1s"}, "counts inside a start_period only, and there is none"),
        ({"start_interval": "1s", "start_period": "0s"}, "counts inside a start_period only"),
        ({"start_interval": "30s", "start_period": "20s"}, "its start_period of 20 s is over before 30 s have passed"),
        ({"start_interval": "20s", "start_period": "20s"}, "is over before 20 s"),
        ({"start_interval": "1s", "start_period": "20s"}, ""),
        ({"start_period": "20s"}, ""),
    ],
)
def test_a_start_interval_that_cannot_work_is_told(given: dict[str, str], words: str) -> None:
    found = told(check(**given))
    assert [where for where, _ in found] == (["services.web.healthcheck.start_interval"] if words else [])
    assert words in "".join(said for _, said in found)


def test_a_window_is_docker_s_where_nothing_is_said() -> None:
    assert read_window(check()) == Window(30.0, 3)
    said = read_window(check(interval="1m30s", retries=2, start_period="10s", start_interval="1s"))
    assert said == Window(90.0, 2, 10.0, 1.0)
    assert said is not None and (said.fails_after, said.gives_up_after) == (180.0, 190.0)
    assert read_window({}) is None


def test_what_compose_refuses_for_the_engine_s_age_is_found() -> None:
    models = {"web": check(start_interval="1s"), "db": check()}
    words = "can't set healthcheck.start_interval as feature require Docker Engine v25 or later"
    (one,) = find_refused(words, models)
    assert (one.path, one.message) == ("services.web.healthcheck.start_interval", words)
    assert one.hint is not None and "remove start_interval" in one.hint
    assert find_refused("no space left on device", models) == ()
