"""The order that a service comes to have: what was asked for over what is chosen, its image, the ingress before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from controller.intake.order import BARE, FREE, UNKNOWN
from controller.model.desired import DesiredService, Order, UpdatePolicy
from controller.model.project import ImageDefaults
from tests.unit.intake.builders import mount, port, resolved

pytestmark = pytest.mark.unit

START, STOP = Order.START_FIRST, Order.STOP_FIRST
VOLUME = mount(source="data")
SPECS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any] | None, Order, str]] = {
    "a bare file": ({}, None, STOP, BARE),
    "a bare file that asks": ({"deploy": {"update_config": {"order": "start-first"}}}, None, START, ""),
    "a bare file that asks for what it has": ({"deploy": {"update_config": {"order": "stop-first"}}}, None, STOP, ""),
    "a Stack": ({}, {}, START, FREE),
    "a Stack that sets something else": ({}, {"services": {"web": {"update": {"parallelism": 2}}}}, START, FREE),
    "a Stack with a volume": (VOLUME, {}, STOP, "mounts the writable volume data"),
    "auto": (VOLUME, {"services": {"web": {"update": {"order": "auto"}}}}, STOP, "mounts the writable volume data"),
    "Compose's order in a Stack": ({"deploy": {"update_config": {"order": "stop-first"}}}, {}, STOP, ""),
    "the manifest's order over Compose's": (
        {"deploy": {"update_config": {"order": "stop-first"}}},
        {"services": {"web": {"update": {"order": "start-first"}}}},
        START,
        "",
    ),
    "auto over Compose's order": (
        {"deploy": {"update_config": {"order": "stop-first"}}},
        {"services": {"web": {"update": {"order": "auto"}}}},
        START,
        FREE,
    ),
    "a profile's order over the services'": (
        {},
        {
            "services": {"web": {"update": {"order": "start-first"}}},
            "profile": "p",
            "startupProfiles": {"p": {"services": ["*"], "overrides": {"web": {"update": {"order": "stop-first"}}}}},
        },
        STOP,
        "",
    ),
}


def nothing_brought(image: str) -> ImageDefaults:
    return ImageDefaults()


@pytest.mark.parametrize("section", ["update", "rollback"])
@pytest.mark.parametrize("case", SPECS)
def test_the_order_of_a_service(case: str, section: str) -> None:
    def turned(value: Any) -> Any:
        """The same, said of rollbacks."""
        names = {"update": section, "update_config": f"{section}_config"}
        return {names.get(k, k): turned(v) for k, v in value.items()} if isinstance(value, Mapping) else value

    definition, spec, order, because = SPECS[case]
    found = resolved({"web": turned(definition)}, turned(spec), image_defaults=nothing_brought).stack
    assert found is not None
    policy: UpdatePolicy = getattr(found.services["web"], section)
    assert (policy.order, policy.because) == (order, because)


@pytest.mark.parametrize(
    ("definition", "spec", "path"),
    [
        ({"deploy": {"update_config": {"order": "start-first"}}}, {}, "services.web.deploy.update_config.order"),
        ({"deploy": {"rollback_config": {"order": "start-first"}}}, {}, "services.web.deploy.rollback_config.order"),
        ({}, {"services": {"web": {"update": {"order": "start-first"}}}}, "spec.services.web.update.order"),
        (
            {},
            {
                "profile": "p",
                "startupProfiles": {
                    "p": {"services": ["*"], "overrides": {"web": {"rollback": {"order": "start-first"}}}}
                },
            },
            "spec.startupProfiles.p.overrides.web.rollback.order",
        ),
    ],
)
def test_start_first_against_a_rule_is_warned_of_where_it_is_asked_for(
    definition: Mapping[str, Any], spec: Mapping[str, Any] | None, path: str
) -> None:
    found = resolved({"web": {**definition, **port(published="8080")}}, spec)
    assert found.errors == ()
    (finding,) = found.warnings
    assert finding.path == path
    assert finding.message == (
        "'web' is replaced start-first, as asked for, but it publishes host port 8080 while the ingress is off: "
        "the old replica holds it, so a new one can never start beside the old one"
    )
    assert finding.hint == "set order: stop-first, or auto to have it chosen"


IMAGES_ASKED: dict[str, tuple[Mapping[str, Any], Mapping[str, Any] | None, list[str]]] = {
    "a bare file": ({}, None, []),
    "stop-first is asked for": (
        {},
        {"services": {"web": {"update": {"order": "stop-first"}, "rollback": {}}}},
        ["web"],
    ),
    "another rule has decided": (VOLUME, {}, []),
    "a Stack": ({}, {}, ["web"]),
    "start-first is asked for": ({"deploy": {"update_config": {"order": "start-first"}}}, None, ["web"]),
}


@pytest.mark.parametrize("case", IMAGES_ASKED)
def test_an_image_is_looked_into_only_where_something_hangs_on_it(case: str) -> None:
    definition, spec, images = IMAGES_ASKED[case]
    asked: list[str] = []

    def ask(image: str) -> ImageDefaults:
        asked.append(image)
        return ImageDefaults()

    assert resolved({"web": definition}, spec, image_defaults=ask).stack is not None
    assert sorted(set(asked)) == images


def order_after(before: Mapping[str, ImageDefaults], image: str, now: Mapping[str, ImageDefaults]) -> tuple[Order, str]:
    """Of a service with `image`, after a generation with `web:1`; what images bring, where they are here."""
    first = resolved({"web": {"image": "web:1"}}, {}, image_defaults=before.get).stack
    assert first is not None
    second = resolved({"web": {"image": image}}, {}, first.services, image_defaults=now.get).stack
    assert second is not None
    update = second.services["web"].update
    return update.order, update.because


FREE_IMAGE, WITH_DATA = ImageDefaults(), ImageDefaults(volumes=("/data",))


def test_an_image_that_is_to_be_pulled_is_judged_by_the_present_one() -> None:
    assert order_after({"web:1": FREE_IMAGE}, "web:2", {"web:1": FREE_IMAGE}) == (START, FREE)
    declares = "has an image that declares VOLUME /data"
    assert order_after({"web:1": WITH_DATA}, "web:2", {"web:1": WITH_DATA}) == (STOP, declares)
    assert order_after({"web:1": FREE_IMAGE}, "web:2", {"web:1": FREE_IMAGE, "web:2": WITH_DATA}) == (STOP, declares)
    assert order_after({}, "web:2", {}) == (STOP, UNKNOWN)


def test_an_image_that_cannot_be_looked_into_now_changes_nothing() -> None:
    assert order_after({"web:1": FREE_IMAGE}, "web:1", {}) == (START, FREE)
    assert order_after({"web:1": WITH_DATA}, "web:1", {})[0] is STOP
    assert order_after({}, "web:1", {}) == (STOP, UNKNOWN)


def test_other_words_for_the_same_order_are_no_generation() -> None:
    unknown = resolved({"web": {}}, {}).stack
    declares = resolved({"web": {}}, {}, image_defaults=lambda image: WITH_DATA).stack
    free = resolved({"web": {}}, {}, image_defaults=nothing_brought).stack
    assert unknown is not None and declares is not None and free is not None
    assert unknown.digest == declares.digest != free.digest


TCP = {"target": 80, "published": "80", "protocol": "tcp"}
UDP = {"target": 53, "published": "53", "protocol": "udp"}
RANGE = {"target": 81, "published": "8080-8089", "protocol": "tcp"}
AUTO = {"ingress": {"mode": "auto"}}


def publishing(
    spec: Mapping[str, Any] | None, asked: Order | None, *ports: Any, replicas: int = 1, **keys: Any
) -> DesiredService:
    """The service `web` that publishes these ports."""
    deploy = {"replicas": replicas} | ({"update_config": {"order": str(asked)}} if asked is not None else {})
    found = resolved({"web": {"ports": list(ports), "deploy": deploy, **keys}}, spec, image_defaults=nothing_brought)
    assert found.stack is not None, found.errors
    return found.stack.services["web"]


@pytest.mark.parametrize(
    ("spec", "asked", "ports", "replicas", "on"),
    [
        (None, None, (TCP,), 1, False),
        (None, None, (TCP,), 2, True),
        (None, None, (RANGE,), 2, False),
        (None, START, (TCP, UDP), 1, True),
        (None, START, (UDP,), 1, False),
        (None, START, (RANGE,), 1, False),
        ({}, START, (TCP,), 1, False),
        (AUTO, None, (TCP,), 1, True),
        (AUTO, None, (RANGE, TCP), 1, True),
        (AUTO, None, (RANGE,), 3, False),
        (AUTO, STOP, (), 1, False),
    ],
)
def test_who_stands_behind_the_ingress(
    spec: Mapping[str, Any] | None, asked: Order | None, ports: tuple[Any, ...], replicas: int, on: bool
) -> None:
    assert bool(publishing(spec, asked, *ports, replicas=replicas).frontends) is on


@pytest.mark.parametrize(
    ("published", "keys", "because"),
    [
        (TCP, {}, FREE),
        (TCP, {"network_mode": "bridge"}, "publishes host port 80, which the ingress does not take"),
        (RANGE, {}, "publishes host ports 8080-8089, which the ingress does not take"),
    ],
)
def test_a_port_that_the_ingress_does_not_take_forbids_start_first_where_it_is_on(
    published: Any, keys: Any, because: str
) -> None:
    update = publishing(AUTO, None, published, **keys).update
    assert (update.order, update.because) == (START if because == FREE else STOP, because)
