"""Templates: what counts for the fingerprint, and what one replica has of its own."""

import json
from dataclasses import replace
from typing import Any

import pytest

from controller.engines import labels
from controller.engines.template import Place, fingerprint, instantiate, make_template, read_request
from controller.model.names import ImageId, ReplicaId
from controller.model.observed import Mount
from tests.unit.engines.requests import marks, request, template

pytestmark = pytest.mark.unit

VOLATILE = {
    labels.CONFIG_HASH: "other",
    labels.VERSION: "2.40.3",
    labels.IMAGE: "sha256:9",
    labels.WORKING_DIR: "/elsewhere",
    labels.CONFIG_FILES: "/elsewhere/compose.yaml",
    "com.docker.compose.depends_on": "b:service_started:false",
    labels.REPLACE: "a-1",
}


@pytest.mark.parametrize("changed", VOLATILE)
def test_a_volatile_label_replaces_nothing(changed: str) -> None:
    other = request(create={"Labels": {**marks(), changed: VOLATILE[changed]}})
    assert fingerprint(other, {}) == fingerprint(request(), {})


@pytest.mark.parametrize(
    "create, host",
    [
        ({"Labels": {**marks(), "own": "x"}}, {}),
        ({"Env": ["A=1"]}, {}),
        ({"Cmd": ["x"]}, {}),
        ({"Image": "img:2"}, {}),
        ({}, {"Memory": 1}),
        ({}, {"Binds": ["/a:/b"]}),
        ({}, {"RestartPolicy": {"Name": "always"}}),
    ],
)
def test_what_a_container_is_made_of_counts(create: dict[str, Any], host: dict[str, Any]) -> None:
    assert fingerprint(request(create=create, host=host), {}) != fingerprint(request(), {})


@pytest.mark.parametrize(
    "first, second",
    [
        ({"create": {"Env": ["A=1", "B=2"]}}, {"create": {"Env": ["B=2", "A=1"]}}),
        ({"host": {"Memory": 0, "CapAdd": None}}, {}),
        ({"host": {"Binds": ["/a:/b", "/c:/d"]}}, {"host": {"Binds": ["/c:/d", "/a:/b"]}}),
    ],
)
def test_order_and_empty_fields_do_not_count(first: dict[str, Any], second: dict[str, Any]) -> None:
    assert fingerprint(request(**first), {}) == fingerprint(request(**second), {})


def test_a_late_connect_is_the_same_as_an_endpoint_of_a_newer_api() -> None:
    late = request(connects=({"network": "p_back", "endpoint": {"Aliases": ["a"]}},))
    endpoints = {**request().create["NetworkingConfig"]["EndpointsConfig"], "p_back": {"Aliases": ["a"]}}
    whole = request(create={"NetworkingConfig": {"EndpointsConfig": endpoints}})
    assert fingerprint(late, {}) == fingerprint(whole, {})


def test_the_id_of_a_namespace_owner_does_not_count_but_whose_it_is_does() -> None:
    def sharer(owner: str) -> Any:
        return request(service="b", host={"NetworkMode": f"container:{owner}"}, create={"NetworkingConfig": None})

    assert fingerprint(sharer("111"), {"a": "111"}) == fingerprint(sharer("222"), {"a": "222"})
    assert fingerprint(sharer("111"), {"a": "111"}) != fingerprint(sharer("111"), {"c": "111"})
    assert template(sharer("111"), a="111").namespace_of == "a"


@pytest.mark.parametrize("key", ["PidMode", "IpcMode"])
def test_every_shared_namespace_has_an_owner(key: str) -> None:
    assert template(request(host={key: "container:111"}), x="111").namespace_of == "x"


def test_volumes_from_have_an_owner() -> None:
    made = request(host={"VolumesFrom": ["111:ro"]})
    assert template(made, x="111").namespace_of == "x"
    joined = instantiate(made, Place(1, holder=ReplicaId("222")))
    assert joined.create["HostConfig"]["VolumesFrom"] == ["222:ro"]


def test_only_networks_and_volumes_that_are_used_are_kept() -> None:
    made = request(host={"Mounts": [{"Type": "volume", "Source": "p_data", "Target": "/d"}], "Binds": ["p_more:/m:rw"]})
    networks = [{"Name": "p_default"}, {"Name": "p_other"}]
    volumes = [{"Name": "p_data"}, {"Name": "p_more"}, {"Name": "p_unused"}]
    kept = make_template(made, networks, volumes, {})
    assert [json.loads(item)["Name"] for item in kept.networks] == ["p_default"]
    assert [json.loads(item)["Name"] for item in kept.volumes] == ["p_data", "p_more"]


def test_a_template_comes_back_as_the_request_that_it_was_made_of() -> None:
    made = request(connects=({"network": "n", "endpoint": None},), archives=({"query": {"path": "/"}, "data": "eA=="},))
    assert read_request(template(made)) == made


def test_an_instance_has_its_own_name_number_alias_and_image() -> None:
    made = instantiate(request(), Place(3, image_id=ImageId("sha256:7")))
    assert made.name == "p-a-3"
    assert made.create["Labels"][labels.NUMBER] == "3"
    assert made.create["Labels"][labels.IMAGE] == "sha256:7"
    assert made.create["NetworkingConfig"]["EndpointsConfig"]["p_default"]["Aliases"] == ["p-a-3", "a"]


def test_instances_leave_the_template_as_it_is() -> None:
    made = request(connects=({"network": "n", "endpoint": {"Aliases": ["p-a-1"]}},))
    before = made.to_json()
    other = instantiate(made, Place(2, carry=(Mount("/x", "v"),), holder=ReplicaId("1")))
    assert made.to_json() == before
    assert other.connects[0]["endpoint"]["Aliases"] == ["p-a-2"]


def test_a_container_name_stays() -> None:
    assert instantiate(replace(request(), name="mine"), Place(4)).name == "mine"


@pytest.mark.parametrize(
    "host, expected",
    [
        ({}, [{"Type": "volume", "Source": "v1", "Target": "/x"}]),
        (
            {"Mounts": [{"Type": "volume", "Target": "/x"}]},
            [{"Type": "volume", "Target": "/x", "Source": "v1"}],
        ),
        (
            {"Mounts": [{"Type": "volume", "Source": "named", "Target": "/x"}]},
            [{"Type": "volume", "Source": "named", "Target": "/x"}],
        ),
        ({"Binds": ["/host:/x:ro"]}, None),
    ],
)
def test_a_carried_volume_goes_where_nothing_else_is_mounted(host: dict[str, Any], expected: Any) -> None:
    made = instantiate(request(host=host), Place(1, carry=(Mount("/x", "v1"),)))
    assert made.create["HostConfig"].get("Mounts") == expected


def test_two_owners_are_left_as_recorded() -> None:
    made = request(host={"PidMode": "container:111", "IpcMode": "container:222"})
    host = instantiate(made, Place(1, holder=ReplicaId("333"))).create["HostConfig"]
    assert (host["PidMode"], host["IpcMode"]) == ("container:111", "container:222")


def test_a_template_shows_no_secret_when_it_is_printed() -> None:
    assert "hunter2" not in repr(template(request(create={"Env": ["TOKEN=hunter2"]})))
