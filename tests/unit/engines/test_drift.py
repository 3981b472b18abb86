"""Drift: nothing differs of what was made as asked; each touch is named by its field."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from controller.engines import labels
from controller.engines.drift import find_drift, lost_networks, made_otherwise, misjoined
from controller.engines.template import Request
from tests.unit.engines.requests import inspected, request

pytestmark = pytest.mark.unit

IMAGE = {"Env": ["PATH=/bin", "LANG=C"], "Cmd": ["serve"], "Entrypoint": ["/init"], "Volumes": {"/var/data": {}}}

RICH = request(
    create={
        "Env": ["A=1"],
        "Cmd": ["run"],
        "Healthcheck": {"Test": ["CMD", "true"], "Interval": 10},
        "Hostname": "h",
        "ExposedPorts": {"80/tcp": {}},
    },
    host={
        "Memory": 64,
        "Binds": ["/a:/b:ro"],
        "Mounts": [{"Type": "volume", "Source": "p_data", "Target": "/d", "VolumeOptions": {}}],
        "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]},
        "RestartPolicy": {"Name": "unless-stopped"},
        "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}],
        "CapAdd": ["NET_ADMIN"],
    },
    connects=({"network": "p_back", "endpoint": {"Aliases": ["p-a-1", "a", "x"], "IPAMConfig": {}}},),
)


def seen(made: Request = RICH) -> dict[str, Any]:
    return copy.deepcopy(inspected(made, IMAGE))


def test_what_was_made_as_asked_has_no_drift() -> None:
    assert find_drift(RICH, seen(), IMAGE) == ()
    assert find_drift(request(), seen(request()), IMAGE) == ()


def touch(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def set_it(inspect: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        item = inspect
        for name in parents:
            item = item[name]
        item[last] = value

    return set_it


def drop(path: str) -> Callable[[dict[str, Any]], None]:
    def drop_it(inspect: dict[str, Any]) -> None:
        *parents, last = path.split("/")
        for name in parents:
            inspect = inspect[name]
        del inspect[last]

    return drop_it


@pytest.mark.parametrize(
    "field, change",
    [
        ("Memory", touch("HostConfig/Memory", 128)),
        ("NanoCpus", touch("HostConfig/NanoCpus", 5)),
        ("RestartPolicy", touch("HostConfig/RestartPolicy", {"Name": "no"})),
        ("Binds", touch("HostConfig/Binds", ["/a:/b:rw"])),
        ("Mounts", touch("HostConfig/Mounts", [{"Type": "volume", "Source": "other", "Target": "/d"}])),
        ("Mounts", touch("HostConfig/Mounts", [])),
        ("PortBindings", touch("HostConfig/PortBindings", {})),
        ("Ulimits", touch("HostConfig/Ulimits", [])),
        ("CapAdd", touch("HostConfig/CapAdd", None)),
        ("Privileged", touch("HostConfig/Privileged", True)),
        ("PidMode", touch("HostConfig/PidMode", "host")),
        ("Env", touch("Config/Env", ["PATH=/bin", "LANG=C", "A=2"])),
        ("Env", touch("Config/Env", ["PATH=/bin", "LANG=C", "A=1", "EXTRA=1"])),
        ("Cmd", touch("Config/Cmd", ["other"])),
        ("Entrypoint", touch("Config/Entrypoint", ["/other"])),
        ("Image", touch("Config/Image", "img:2")),
        ("Hostname", touch("Config/Hostname", "other")),
        ("Healthcheck", touch("Config/Healthcheck", {"Test": ["CMD", "false"], "Interval": 10})),
        ("ExposedPorts", touch("Config/ExposedPorts", {})),
        ("Networks", drop("NetworkSettings/Networks/p_back")),
        ("Networks", touch("NetworkSettings/Networks/extra", {"Aliases": []})),
        ("Networks.p_back.Aliases", touch("NetworkSettings/Networks/p_back/Aliases", ["p-a-1", "a"])),
        (
            "Networks.p_back.IPAMConfig",
            touch("NetworkSettings/Networks/p_back/IPAMConfig", {"IPv4Address": "10.9.9.9"}),
        ),
    ],
)
def test_a_touch_is_named_by_its_field(field: str, change: Callable[[dict[str, Any]], None]) -> None:
    inspect = seen()
    change(inspect)
    assert find_drift(RICH, inspect, IMAGE) == (field,)


@pytest.mark.parametrize(
    "change",
    [
        touch("HostConfig/MemorySwap", 128),
        touch("HostConfig/IpcMode", "private"),
        touch("HostConfig/OomKillDisable", False),
        touch("HostConfig/LogConfig", {"Type": "journald", "Config": {}}),
        touch("Config/Env", ["LANG=C", "A=1", "PATH=/bin"]),
        touch("Name", "/p-a-7"),
        touch("HostConfig/Mounts", [{"Type": "volume", "Source": "p_data", "Target": "/d", "VolumeOptions": {"x": 1}}]),
        touch(
            "HostConfig/Mounts",
            [
                {"Type": "volume", "Source": "0" * 64, "Target": "/var/data"},
                {"Type": "volume", "Source": "p_data", "Target": "/d"},
            ],
        ),
    ],
)
def test_what_the_engine_sets_by_itself_is_no_drift(change: Callable[[dict[str, Any]], None]) -> None:
    inspect = seen()
    change(inspect)
    assert find_drift(RICH, inspect, IMAGE) == ()


def test_who_owns_a_shared_namespace_is_not_compared_here() -> None:
    made = request(host={"NetworkMode": "container:1"}, create={"NetworkingConfig": None})
    inspect = seen(made)
    inspect["HostConfig"]["NetworkMode"] = "container:2"
    inspect["NetworkSettings"]["Networks"] = {}
    assert find_drift(made, inspect, IMAGE) == ()
    inspect["HostConfig"]["NetworkMode"] = "p_default"
    assert "NetworkMode" in find_drift(made, inspect, IMAGE)


def test_an_entry_without_a_value_removes_what_the_image_set() -> None:
    made = request(create={"Env": ["LANG"]})
    inspect = seen(made)
    inspect["Config"]["Env"] = ["PATH=/bin", "LANG"]
    assert find_drift(made, inspect, IMAGE) == ()
    inspect["Config"]["Env"] = ["PATH=/bin", "LANG=C"]
    assert find_drift(made, inspect, IMAGE) == ("Env",)


def test_an_entrypoint_of_its_own_drops_the_images_command() -> None:
    made = request(create={"Entrypoint": ["sh"]})
    inspect = seen(made)
    inspect["Config"]["Cmd"] = None
    assert find_drift(made, inspect, IMAGE) == ()
    inspect["Config"]["Cmd"] = ["serve"]
    assert find_drift(made, inspect, IMAGE) == ("Cmd",)


@pytest.mark.fault("W10")
def test_a_network_that_was_asked_for_and_is_not_there_is_lost() -> None:
    there = seen()
    assert lost_networks(RICH, there) == ()
    there["NetworkSettings"]["Networks"].pop("p_back")
    there["NetworkSettings"]["Networks"]["somebodys"] = {}
    assert lost_networks(RICH, there) == ("p_back",)


def test_so_is_one_on_which_it_is_not_found_by_its_name() -> None:
    there = seen()
    there["NetworkSettings"]["Networks"]["p_back"]["Aliases"] = ["x", "0123456789ab"]
    assert lost_networks(RICH, there) == ("p_back",)
    assert find_drift(RICH, there, IMAGE) == (), "that is mended in place"
    assert misjoined(RICH, there) == (), "all of it is given back with the name"
    there["NetworkSettings"]["Networks"]["p_back"]["Aliases"] = ["a"]
    assert lost_networks(RICH, there) == (), "its further names are compared beside it"


LINK = ["p-db-1:db", "p-db-1:p-db-1"]
PLACED = request(
    create={
        "NetworkingConfig": {
            "EndpointsConfig": {
                "p_default": {
                    "Aliases": ["p-a-1", "a", "face", "shop"],
                    "IPAMConfig": {"IPv4Address": "10.0.0.9"},
                    "Links": LINK,
                },
                "p_v1.2": {"Aliases": ["p-a-1", "a", "x"], "IPAMConfig": {}, "Links": None},
            }
        }
    }
)


@pytest.mark.fault("W10")
@pytest.mark.parametrize(
    ("network", "key", "value", "found"),
    [
        ("p_default", "Aliases", ["p-a-1", "a", "face", "shop"], None),
        ("p_default", "Aliases", ["a", "shop", "face", "mine"], None),
        ("p_default", "Aliases", ["a", "face"], ("Aliases", "face shop", "face")),
        ("p_default", "Aliases", ["a"], ("Aliases", "face shop", "none")),
        ("p_v1.2", "Aliases", ["a"], ("Aliases", "x", "none")),
        ("p_default", "IPAMConfig", {"IPv4Address": "10.0.0.9", "IPv6Address": "fd00::9"}, None),
        ("p_default", "IPAMConfig", {"IPv4Address": "10.0.0.7"}, ("IPAMConfig", "10.0.0.9", "10.0.0.7")),
        ("p_default", "IPAMConfig", None, ("IPAMConfig", "10.0.0.9", "none")),
        ("p_v1.2", "IPAMConfig", {"IPv4Address": "10.9.9.9"}, None),
        ("p_default", "Links", None, ("Links", " ".join(LINK), "none")),
        ("p_default", "Links", ["p-db-2:db"], None),
        ("p_v1.2", "Links", ["p-db-2:db"], None),
    ],
)
def test_what_was_asked_for_on_a_network_and_is_not_there_is_named(network, key, value, found) -> None:
    there = seen(PLACED)
    assert misjoined(PLACED, there) == ()
    there["NetworkSettings"]["Networks"][network][key] = value
    assert lost_networks(PLACED, there) == ()
    expected = None if found is None else (f"Networks.{network}.{found[0]}", *found[1:], True)
    assert misjoined(PLACED, there) == (() if expected is None else (expected,))
    assert all(one.network == network for one in misjoined(PLACED, there))


@pytest.mark.parametrize(
    "there",
    [{"IPAMConfig": {"IPv6Address": "fd00::9"}}, {"IPAMConfig": None, "GlobalIPv6Address": "fd00::9"}],
    ids=["written otherwise", "it has it all the same"],
)
def test_an_address_is_compared_as_one_however_it_is_written(there: dict[str, Any]) -> None:
    made = request(
        create={
            "NetworkingConfig": {
                "EndpointsConfig": {
                    "p_default": {"Aliases": ["p-a-1", "a"], "IPAMConfig": {"IPv6Address": "FD00:0::9"}}
                }
            }
        }
    )
    found = seen(made)
    found["NetworkSettings"]["Networks"]["p_default"].update(there)
    assert misjoined(made, found) == ()


def test_a_network_that_is_lost_or_that_has_no_names_is_not_looked_into() -> None:
    there = seen(PLACED)
    there["NetworkSettings"]["Networks"].pop("p_default")
    there["NetworkSettings"]["Networks"]["p_v1.2"] = None
    assert misjoined(PLACED, there) == ()
    made = request(create={"NetworkingConfig": {"EndpointsConfig": {"bridge": {"Aliases": ["p-a-1", "a", "x"]}}}})
    there = seen(made)
    there["NetworkSettings"]["Networks"]["bridge"]["Aliases"] = None
    assert misjoined(made, there) == ()


def test_each_replica_has_its_own_name_among_its_aliases() -> None:
    second = seen(PLACED)
    second["Name"] = "/p-a-2"
    for endpoint in second["NetworkSettings"]["Networks"].values():
        endpoint["Aliases"] = ["p-a-2" if alias == "p-a-1" else alias for alias in endpoint["Aliases"]]
    assert misjoined(PLACED, second) == ()


# --- what another tool made anew under the same labels

ANONYMOUS = {"Type": "volume", "Source": "0a" * 32, "Target": "/gone"}
SET_BY_HAND = {"Memory": 128, "NanoCpus": 5, "PidsLimit": 9, "RestartPolicy": {"Name": "always"}}


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("Config/Env", ["PATH=/bin", "LANG=C", "A=2"], ("Env",)),
        ("Config/Cmd", ["other"], ("Cmd",)),
        ("Config/Image", "img:2", ("Image",)),
        ("Config/User", "root", ("User",)),
        ("HostConfig/Binds", ["/a:/b:rw"], ("HostConfig.Binds",)),
        ("HostConfig/Mounts", [], ("HostConfig.Mounts",)),
        ("HostConfig/Mounts", [{"Type": "bind", "Source": "/", "Target": "/d"}], ("HostConfig.Mounts",)),
        ("HostConfig/PortBindings", {}, ("HostConfig.PortBindings",)),
        ("HostConfig/Privileged", True, ("HostConfig.Privileged",)),
        ("HostConfig/SecurityOpt", ["label=disable"], ()),  # more than was asked for
        # neither a hash of Compose's nor our own record knows of these
        ("Config/Env", ["PATH=/bin", "LANG=C", "A=1", "HTTP_PROXY=x", "no_proxy=y"], ()),
        ("Config/Image", "sha256:1", ()),
        ("HostConfig/Mounts", [*RICH.create["HostConfig"]["Mounts"], ANONYMOUS], ()),
        ("HostConfig/Binds", ["/host_mnt/a:/b:ro"], ()),
        # told as what can be set back
        *((f"HostConfig/{name}", value, ()) for name, value in SET_BY_HAND.items()),
        ("NetworkSettings/Networks/p_back/Aliases", ["a"], ()),
        # an engine that lacks it drops it; others add labels of their own
        ("HostConfig/MemorySwappiness", None, ()),
        ("Config/Labels", {**RICH.create["Labels"], "desktop.docker.io/binds/0": "x"}, ()),
    ],
)
def test_what_another_tool_made_otherwise_is_named_by_its_path(path: str, value: Any, told: tuple[str, ...]) -> None:
    inspect = seen()
    assert made_otherwise(RICH, inspect, IMAGE) == ()
    touch(path, value)(inspect)
    assert made_otherwise(RICH, inspect, IMAGE) == told


@pytest.mark.parametrize("label", [labels.CONFIG_HASH, labels.VERSION])
def test_of_what_was_made_from_other_files_or_by_another_compose_nothing_is_said(label: str) -> None:
    inspect = seen()
    touch("Config/Cmd", ["other"])(inspect)
    inspect["Config"]["Labels"] = {**inspect["Config"]["Labels"], label: "other"}
    assert find_drift(RICH, inspect, IMAGE) == ("Cmd",)
    assert made_otherwise(RICH, inspect, IMAGE) == ()


def test_a_seccomp_profile_is_read_anew_and_in_no_hash() -> None:
    made = request(host={"SecurityOpt": ["seccomp={...}", "no-new-privileges"]})
    inspect = seen(made)
    inspect["HostConfig"]["SecurityOpt"] = ["seccomp={}", "no-new-privileges"]
    assert made_otherwise(made, inspect, IMAGE) == ()
    inspect["HostConfig"]["SecurityOpt"] = ["seccomp={...}"]
    assert made_otherwise(made, inspect, IMAGE) == ("HostConfig.SecurityOpt",)


ID = "d1" * 32


def joined(called: str) -> Request:
    endpoints = {called: {"Aliases": ["p-a-1", "a"]}}
    return request(host={"NetworkMode": called}, create={"NetworkingConfig": {"EndpointsConfig": endpoints}})


@pytest.mark.parametrize("asked", ["ext", ID])
@pytest.mark.parametrize("mode", ["ext", ID])
def test_a_network_is_the_same_by_its_id_and_by_its_name(asked: str, mode: str) -> None:
    inspect = seen(joined("ext"))
    inspect["NetworkSettings"]["Networks"]["ext"]["NetworkID"] = ID
    inspect["HostConfig"]["NetworkMode"] = mode
    wanted = joined(asked)
    assert find_drift(wanted, inspect, IMAGE) == made_otherwise(wanted, inspect, IMAGE) == ()
    assert lost_networks(wanted, inspect) == misjoined(wanted, inspect) == ()


def test_another_network_is_no_other_for_having_an_id() -> None:
    inspect = seen(joined("ext"))
    inspect["NetworkSettings"]["Networks"]["ext"]["NetworkID"] = "e2" * 32
    assert "Networks" in find_drift(joined(ID), inspect, IMAGE)
    assert lost_networks(joined(ID), inspect) == (ID,)
    inspect["HostConfig"]["NetworkMode"] = ID
    assert "NetworkMode" in find_drift(joined("ext"), inspect, IMAGE)


def test_what_never_ran_shows_no_id_of_its_networks() -> None:
    inspect = seen(joined("ext"))
    inspect["NetworkSettings"]["Networks"]["ext"]["NetworkID"] = ""
    inspect["HostConfig"]["NetworkMode"] = ID
    assert find_drift(joined("ext"), inspect, IMAGE) == ()
    assert "NetworkMode" in find_drift(joined("other"), inspect, IMAGE)
