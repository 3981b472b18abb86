"""Under which names a container is found, and whether it keeps its address when it comes back to a network."""

from typing import Any

import pytest

from controller.engines.names import find_lower_address, found_by_name, nameless_endpoints
from tests.unit.engines.requests import inspected, request

pytestmark = pytest.mark.unit

POOL = {"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}
SIX = {"Subnet": "fd00::/64", "Gateway": "fd00::1"}


def on(**endpoints: Any) -> dict[str, Any]:
    inspect = inspected(request())
    inspect["NetworkSettings"]["Networks"] = endpoints
    return inspect


@pytest.mark.parametrize(
    ("endpoints", "found"),
    [
        pytest.param({"p_default": {"Aliases": ["p-a-1", "a"]}}, True, id="by its name"),
        pytest.param({"p_default": {"Aliases": ["0123456789ab"]}}, False, id="only by its id"),
        pytest.param({"p_default": {"Aliases": None}}, False, id="by nothing"),
        pytest.param({"x": {"Aliases": None}, "y": {"Aliases": ["a"]}}, True, id="on one of its networks"),
        pytest.param({"bridge": {"Aliases": None}}, None, id="a network without names"),
        pytest.param({"host": None}, None, id="the host's"),
        pytest.param({}, None, id="none: somebody else's"),
    ],
)
def test_whether_it_is_found(endpoints: Any, found: bool | None) -> None:
    assert found_by_name(on(**endpoints)) is found


def test_what_was_asked_for_of_an_endpoint_is_asked_for_again() -> None:
    endpoint = {"Aliases": ["a"], "IPAMConfig": {"IPv4Address": "10.0.0.5"}, "MacAddress": "02:42:0a:00:00:05"}
    seen = {
        **endpoint,
        "IPAddress": "10.0.0.5",
        "Gateway": "10.0.0.1",
        "GwPriority": 7,
        "EndpointID": "e",
        "Links": None,
    }
    kept = {key: endpoint[key] for key in ("IPAMConfig", "MacAddress")}
    assert nameless_endpoints(on(n=seen, quiet={"Aliases": []})) == {"n": {**kept, "GwPriority": 7}}


THIRD = {"IPAddress": "10.0.0.3"}
RANGE = {**POOL, "IPRange": "10.0.0.8/29"}
RESERVED = {**POOL, "AuxiliaryAddresses": {"router": "10.0.0.2"}}
ROWS: dict[str, tuple[Any, list[str], Any, str | None]] = {
    "it has the lowest": ({"IPAddress": "10.0.0.2"}, [], {}, None),
    "those below are taken": (THIRD, ["10.0.0.2/24"], {}, None),
    "one below is free": (THIRD, [], {}, "10.0.0.2"),
    "it is its own": ({**THIRD, "IPAMConfig": {"IPv4Address": "10.0.0.3"}}, [], {}, None),
    "another driver": (THIRD, [], {"Driver": "macvlan"}, None),
    "nothing is said of its addresses": (THIRD, [], {"IPAM": None}, None),
    "of no pool that is known": ({"IPAddress": "10.9.0.3"}, [], {}, None),
    "the lowest of its range": ({"IPAddress": "10.0.0.9"}, [], {"IPAM": {"Config": [RANGE]}}, None),
    "one below is reserved": (THIRD, [], {"IPAM": {"Config": [RESERVED]}}, None),
    "one below of the other kind": ({"IPAddress": "10.0.0.2", "GlobalIPv6Address": "fd00::5"}, [], {}, "fd00::2"),
}


@pytest.mark.parametrize(("own", "others", "more", "lower"), ROWS.values(), ids=ROWS)
def test_which_address_it_would_get_instead(own: Any, others: list[str], more: Any, lower: str | None) -> None:
    containers = {str(number): {"IPv4Address": address, "IPv6Address": ""} for number, address in enumerate(others)}
    network = {"Name": "n", "Driver": "bridge", "IPAM": {"Config": [POOL, SIX]}, "Containers": containers, **more}
    assert find_lower_address(on(n={"Aliases": ["a"], **own}), network) == lower
