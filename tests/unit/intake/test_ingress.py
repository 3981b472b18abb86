"""What the ingress takes of a service, and what its replicas are made from then."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from controller.intake.certified import read_ingress_certified
from controller.intake.ingress import find_frontends, read_ingress, share_address, warn_ingress, without_ports
from controller.model.certified import Certified
from controller.model.desired import Leaving, Order, Template
from controller.model.manifest.workload import Service
from controller.model.routes import Frontend, Mode
from tests.unit.intake import builders

pytestmark = pytest.mark.unit


def port(**fields: Any) -> dict[str, Any]:
    return {"target": 80, "published": "8080", "protocol": "tcp", **fields}


FRONT = Frontend("web", 8080, 80, "", Mode.TCP)
PORTS = [
    ("one fixed host port", [port()], {}, (FRONT,)),
    ("on one address", [port(host_ip="127.0.0.1")], {}, (Frontend("web", 8080, 80, "127.0.0.1", Mode.TCP),)),
    ("a range stays with the replicas", [port(published="8080-8082")], {}, ()),
    ("a port that the engine picks stays with the replicas", [port(published="")], {}, ()),
    ("UDP stays with the replicas", [port(protocol="udp")], {}, ()),
    ("on the host's network there is nothing to lead", [port()], {"network_mode": "host"}, ()),
    ("two of them", [port(), port(target=81, published="8081")], {}, (FRONT, Frontend("web", 8081, 81, "", Mode.TCP))),
]


@pytest.mark.parametrize(("ports", "keys", "expected"), [row[1:] for row in PORTS], ids=[row[0] for row in PORTS])
def test_which_ports_the_ingress_takes(ports, keys, expected) -> None:
    assert find_frontends("web", {"ports": ports, **keys}, None) == expected


def check(command: str) -> dict[str, Any]:
    return {"healthcheck": {"test": ["CMD-SHELL", command]}}


MODES = [
    ("nobody says", port(), {}, None, Mode.TCP),
    ("the port says", port(app_protocol="http"), {}, None, Mode.HTTP),
    ("the port says another", port(app_protocol="redis"), check("wget http://localhost/"), None, Mode.TCP),
    ("its check asks by HTTP", port(), check("wget -qO- http://127.0.0.1:80/health"), None, Mode.HTTP),
    ("its check asks by HTTP, where 80 is left out", port(), check("curl -f http://localhost/"), None, Mode.HTTP),
    ("its check asks another port", port(), check("curl -f http://localhost:8000/"), None, Mode.TCP),
    ("its check asks a port that only begins so", port(), check("curl -f http://localhost:8000/"), None, Mode.TCP),
    ("the manifest's probe", port(), {}, Service.model_validate({"readiness": {"http": {"port": 80}}}), Mode.HTTP),
    ("its startup probe", port(), {}, Service.model_validate({"startupProbe": {"http": {"port": 80}}}), Mode.HTTP),
    (
        "the manifest's probe of another",
        port(),
        {},
        Service.model_validate({"readiness": {"http": {"port": 81}}}),
        Mode.TCP,
    ),
]


@pytest.mark.parametrize(
    ("written", "keys", "policy", "mode"), [row[1:] for row in MODES], ids=[row[0] for row in MODES]
)
def test_what_is_spoken_on_a_port(written, keys, policy, mode: Mode) -> None:
    (frontend,) = find_frontends("web", {"ports": [written], **keys}, policy)
    assert frontend.mode is mode


def template(**host: Any) -> Template:
    create = {
        "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": "8080"}], "53/udp": [{"HostPort": "53"}]}, **host},
        "ExposedPorts": {"80/tcp": {}},
        "NetworkingConfig": {"EndpointsConfig": {"shop_default": {}}},
    }
    body = {"name": "shop-web-1", "platform": None, "create": create, "connects": [{"network": "shop_back"}]}
    return Template("web", "hash", "print", json.dumps(body))


def test_the_replicas_publish_nothing_that_the_ingress_has_and_keep_composes_hash() -> None:
    made = without_ports(template(), (FRONT,))
    create = json.loads(made.body)["create"]
    assert create["HostConfig"]["PortBindings"] == {"53/udp": [{"HostPort": "53"}]}
    assert create["ExposedPorts"] == {"80/tcp": {}}
    assert made.config_hash == "hash" and made.fingerprint not in ("print", "")
    assert without_ports(template(), (FRONT,)) == made


def test_other_host_ports_of_the_same_target_stay_with_the_replicas() -> None:
    ours, *others = {"HostIp": "", "HostPort": "8080"}, {"HostPort": "9000-9010"}, {"HostPort": ""}
    mine = {"HostIp": "127.0.0.1", "HostPort": "8080"}
    for bindings, left in (([ours], None), ([ours, *others], others), ([ours, mine], [mine]), (others, others)):
        made = without_ports(template(PortBindings={"80/tcp": bindings}), (FRONT,))
        assert json.loads(made.body)["create"]["HostConfig"]["PortBindings"].get("80/tcp") == left


def test_on_which_networks_the_ingress_reaches_them() -> None:
    assert template().joins() == {"shop_back", "shop_default"}
    assert Template("web", "hash", "print").joins() == frozenset()


def resolved(services: Any, spec: Any = None, previous: Any = None) -> Any:
    found = builders.resolved(services, spec, previous)
    assert found.stack is not None, found.errors
    return found.stack


WEB = {"web": {"ports": [port()]}}


def test_a_stack_asks_for_the_ingress_and_a_bare_file_by_what_cannot_be_without() -> None:
    assert resolved(WEB, {"ingress": {"mode": "auto", "drainTimeout": "7s"}}).services["web"].frontends == (FRONT,)
    assert resolved(WEB, {"ingress": {"mode": "auto", "drainTimeout": "7s"}}).services["web"].drain_timeout == 7.0
    assert resolved(WEB, {}).services["web"].frontends == ()
    assert resolved(WEB).services["web"].frontends == ()
    asked = {"web": {**WEB["web"], "deploy": {"update_config": {"order": "start-first"}}}}
    assert resolved(asked).services["web"].frontends == (FRONT,)
    assert resolved({"web": {**WEB["web"], "deploy": {"replicas": 2}}}).services["web"].frontends == (FRONT,)


def test_behind_the_ingress_several_replicas_share_a_host_port() -> None:
    three = {"web": {**WEB["web"], "deploy": {"replicas": 3}}}
    assert builders.resolved(three, {}).errors
    assert resolved(three, {"ingress": {"mode": "auto"}}).services["web"].replicas == 3


def test_what_publishes_its_port_itself_is_known_by_a_revision_of_its_own() -> None:
    off, on = resolved(WEB, {}).services["web"], resolved(WEB, {"ingress": {"mode": "auto"}}).services["web"]
    assert on.direct is not None and on.direct.revision == off.revision != on.revision and on.direct.stays
    two = resolved({"web": {**WEB["web"], "scale": 2}}, {"ingress": {"mode": "auto"}}).services["web"]
    assert two.direct is not None and not two.direct.stays


AUTO = {"ingress": {"mode": "auto"}}
LOCAL = "127.0.0.1"


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("", "", True),
        ("", LOCAL, True),
        ("", "::1", True),
        (LOCAL, LOCAL, True),
        (LOCAL, "127.0.0.2", False),
        ("0.0.0.0", LOCAL, True),
        ("0.0.0.0", "::1", False),
        ("0.0.0.0", "::", False),
        ("::", "[::1]", True),
        ("[::1]", "::1", True),
    ],
)
def test_two_host_addresses_share_one_or_not(one: str, other: str, share: bool) -> None:
    assert share_address(one, other) is share_address(other, one) is share


def two(first: dict[str, Any], second: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"api": {"ports": [first]}, "web": {"ports": [second], **keys}}


@pytest.mark.parametrize(
    ("services", "clash"),
    [
        (two(port(), port()), True),
        (two(port(target=81), port()), True),
        (two(port(host_ip="0.0.0.0"), port(host_ip=LOCAL)), True),
        (two(port(host_ip=LOCAL), port()), True),
        (two(port(host_ip="127.0.0.2"), port(host_ip=LOCAL)), False),
        (two(port(published="8081"), port()), False),
        (two(port(), port(), scale=0), False),
    ],
)
def test_two_services_cannot_have_one_host_port_behind_the_ingress(services: Any, clash: bool) -> None:
    found = builders.resolved(services, AUTO).errors
    mend = "publish another one, or the ports of one of them only"
    assert [(error.path, error.message, error.hint) for error in found] == [
        ("services.api.ports", "host port 8080 is that of service 'web' too: the ingress has it once", mend),
        ("services.web.ports", "host port 8080 is that of service 'api' too: the ingress has it once", mend),
    ][: 2 * clash]


def test_nor_can_one_service_publish_a_host_port_twice() -> None:
    (found,) = builders.resolved({"web": {"ports": [port(), port(target=81)]}}, AUTO).errors
    assert (found.path, found.message) == ("services.web.ports", "host port 8080 is published twice")


def test_a_service_out_of_the_profile_asks_for_no_port() -> None:
    spec = {**AUTO, "profile": "small", "startupProfiles": {"small": {"services": ["web"]}}}
    services = resolved(two(port(), port()), spec).services
    assert services["web"].frontends == (FRONT,)
    assert services["api"].frontends == () and services["api"].networks == ()


@pytest.mark.parametrize(
    ("now", "led"),
    [
        pytest.param([port()], [8081], id="the same host port"),
        pytest.param([port(published="8080-8089")], [], id="a range that holds both"),
        pytest.param([port(published="9000")], [8080, 8081], id="another"),
        pytest.param([port(protocol="udp")], [8080, 8081], id="UDP"),
    ],
)
@pytest.mark.parametrize("prune", [True, False])
def test_who_leaves_gives_up_the_host_ports_of_who_stays_and_no_others(now: Any, led: list[int], prune: bool) -> None:
    spec = {**AUTO, "reconcile": {"prune": prune}}
    before = resolved({"web": {"ports": [port(), port(target=81, published="8081")]}}, spec).services
    left = resolved({"www": {"ports": now}}, spec, before).services["web"]
    assert left.leaving is (Leaving.REMOVED if prune else Leaving.ORPHANED)
    assert [front.host_port for front in left.frontends] == led


def test_who_has_no_replica_gives_up_its_host_port_too() -> None:
    services = resolved(two(port(), port(), scale=0), AUTO).services
    assert (services["api"].frontends, services["web"].frontends) == ((Frontend("api", 8080, 80, "", Mode.TCP),), ())
    assert services["web"].direct is not None


def test_where_no_ingress_can_be_had_services_keep_their_ports_and_one_warning_says_why() -> None:
    services = {**two(port(), port(published="8081")), "db": {}}
    found = builders.resolved(services, AUTO, leads_traffic=False)
    assert found.stack is not None
    assert not any(service.frontends or service.direct for service in found.stack.services.values())
    assert found.stack.services["web"].update.order is Order.STOP_FIRST
    (warning,) = found.warnings
    assert warning.path == "spec.ingress.mode"
    assert "services keep their host ports (api, web): the engine is not on this machine" in warning.message
    assert warning.hint == "run the controller where the engine is, or set ingress.mode: off"
    assert builders.resolved(services, {}, leads_traffic=False).warnings == ()
    assert builders.resolved(services, AUTO).warnings == ()


def test_a_bare_file_that_asks_for_it_is_warned_at_the_ports() -> None:
    asked = {"web": {**WEB["web"], "deploy": {"update_config": {"order": "start-first"}}}}
    first, *_ = builders.resolved(asked, leads_traffic=False).warnings
    assert (first.path, first.hint) == ("services.web.ports", "run the controller where the engine is")


def test_where_no_ingress_can_be_had_none_is_advised() -> None:
    three = {"web": {**WEB["web"], "scale": 3}}
    (error,) = builders.resolved(three, AUTO, leads_traffic=False).errors
    assert error.hint == "publish a range, as '8080-8082:80', or none at all"
    (error,) = builders.resolved(three, {}).errors
    assert error.hint is not None and error.hint.startswith("set ingress.mode: auto")


def test_a_range_beside_a_port_of_the_ingress_is_still_to_be_long_enough() -> None:
    short = {"web": {"ports": [port(), port(published="9000-9001")], "scale": 3}}
    (error,) = builders.resolved(short, AUTO).errors
    assert "3 replicas need 3 host ports for port 80, but there are only 2 host ports (9000-9001)" in error.message


LED = {"web": Frontend("web", 8080, 80, "", Mode.HTTP), "db": Frontend("db", 5432, 5432, "0.0.0.0", Mode.TCP)}
PAIR = {"certificate": "tls/site.pem", "key": "/etc/site.key"}
WHERE: list[tuple[str, dict[str, Any], set[int], tuple[str, ...]]] = [
    ("nobody asks", {}, set(), ()),
    ("TLS between services alone", {"security": {"tls": {"mode": "internal"}}}, set(), ()),
    ("a certificate, for all of HTTP", {"security": {"tls": PAIR}}, {8080}, ()),
    ("a certificate, for one port", {"security": {"tls": PAIR}, "ingress": {"tls": {"ports": [5432]}}}, {5432}, ()),
    ("a certificate, for none", {"security": {"tls": PAIR}, "ingress": {"tls": {"ports": []}}}, set(), ()),
    (
        "ours, also for one that nobody has",
        {"ingress": {"tls": {"ports": [5432, 443]}}},
        {5432, 443},
        ("no port 443 is behind the ingress",),
    ),
]


def services(*names: str) -> Any:
    return {name: replace(builders.service({}), name=name, frontends=(LED[name],)) for name in names or LED}


@pytest.mark.parametrize(("spec", "ports", "told"), [row[1:] for row in WHERE], ids=[row[0] for row in WHERE])
def test_where_it_speaks_tls(spec: dict[str, Any], ports: set[int], told: tuple[str, ...]) -> None:
    manifest = builders.stack(spec)
    found = read_ingress(manifest, Path("/srv/manifests"), "haproxy:x")
    fronts = (*LED.values(), Frontend("web", 443, 443, "", Mode.TCP))
    assert (found.image, {front.host_port for front in fronts if found.tls.covers(front)}) == ("haproxy:x", ports)
    theirs = "certificate" in spec.get("security", {}).get("tls", {})
    assert found.certificate == (Path("/srv/manifests/tls/site.pem") if theirs else None)
    assert found.key == (Path("/etc/site.key") if theirs else None)
    assert tuple(finding.message for finding in warn_ingress(manifest, services())) == told


def test_a_certificate_that_no_port_serves_is_told_with_those_that_there_are() -> None:
    (found,) = warn_ingress(builders.stack({"security": {"tls": PAIR}}), services("db"))
    assert found.message == "no HTTP port is behind the ingress that could serve this certificate"
    assert found.hint == "name some: ingress.tls.ports (there are: 5432)"


def test_the_authoritys_certificate_for_it_names_what_the_manifest_says_and_is_looked_at_where_it_is_served() -> None:
    manifest = builders.stack({"ingress": {"tls": {"ports": [5432, 8080], "names": ["shop.example.org"]}}})
    ends = (("127.0.0.1", 5432), ("127.0.0.1", 8080))
    wanted = Certified(7 * 86400.0, ("shop.example.org",), 0, uid=7, ends=ends)
    assert read_ingress_certified(manifest, services(), 7) == {"@ingress": wanted}
    assert read_ingress_certified(manifest, {}, 7) == {}, "there is no ingress"
    theirs = builders.stack({"ingress": {"tls": {"ports": [8080]}}, "security": {"tls": PAIR}})
    assert read_ingress_certified(theirs, services(), 7) == {}


@pytest.mark.parametrize("name", ["10.0.0.5", "a..b", "-a.b", "a" * 64, "*", "*.*.org", "a b", "a.b."])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        builders.stack({"ingress": {"tls": {"names": [name]}}})


@pytest.mark.parametrize("name", ["shop", "*.example.org", "a_b.example", "x1.xn--p1ai"])
def test_what_is_one_is_taken(name: str) -> None:
    assert builders.stack({"ingress": {"tls": {"names": [name]}}}).spec.ingress.tls.names == (name,)


def test_what_publishes_its_port_itself_is_replaced_where_clients_are_to_be_spoken_to_in_tls() -> None:
    web = {"web": {"image": "busybox", "ports": [port(app_protocol="http")]}}

    def stays(spec: dict[str, Any]) -> bool:
        found = builders.resolved(web, {"ingress": {"mode": "auto"}, **spec})
        assert found.stack is not None
        direct = found.stack.services["web"].direct
        assert direct is not None
        return direct.stays

    assert stays({}) and not stays({"security": {"tls": PAIR}})
