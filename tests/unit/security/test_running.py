"""What only an engine tells: containers beside their definition, images, strangers, commands, how it is set up."""

from __future__ import annotations

from typing import Any

import pytest

from controller.engines.likeness import like_compose, like_request
from controller.engines.lookout import find_ran
from controller.model.running import ImageFacts, Posture, Ran, Running, Stranger
from controller.model.scanning import FindingSeverity
from controller.security.rules.daemon import RULES, judge_daemon
from controller.security.scan import all_rules, scan_project, scan_running, scan_service
from controller.security.subject import Project

pytestmark = pytest.mark.unit

SAID = {"image": "web:1", "user": "1000", "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"],
        "mem_limit": "64m", "networks": {"back": None}}  # fmt: skip
"""As Compose makes it."""
SEEN = {"image": "web:1", "user": "1000", "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"],
        "mem_limit": 67108864, "networks": ["back"]}  # fmt: skip
"""As an engine tells it."""


def weaker(seen: dict[str, Any], said: dict[str, Any] | None = None, **project: Any) -> list[tuple[str, str]]:
    """Rule and message of what runs of one service otherwise than it is defined."""
    made = Project("shop", {"web": {**SAID, **(said or {})}}, **project)
    found = scan_running(made, Running({"web": ({**SEEN, **seen},)}))
    assert all(service == "web" for _, service, _ in found)
    return [(rule.id, hit.message) for rule, _, hit in scan_running(made, Running({"web": ({**SEEN, **seen},)}))]


def test_the_same() -> None:
    assert weaker({}) == []


@pytest.mark.parametrize(
    ("seen", "rules"),
    [
        ({"privileged": True}, "H03"),
        ({"cap_add": ["SYS_ADMIN"]}, "H10"),
        ({"user": "root"}, "F01"),
        ({"cap_drop": []}, "H14"),
        ({"mem_limit": None}, "R01"),
        ({"network_mode": "host", "networks": []}, "N01"),
        ({"ports": [{"target": "80", "published": "80", "host_ip": ""}]}, "W01, W03"),
        ({"volumes": [{"type": "bind", "source": "/etc", "target": "/x"}]}, "H04, a mount of /etc"),
        ({"volumes": [{"type": "bind", "source": "/srv/x", "target": "/x"}]}, "a mount of /srv/x"),
        ({"networks": ["back", "other"]}, "the network other"),
    ],
)
def test_what_somebody_gave_it(seen: dict[str, Any], rules: str) -> None:
    *_, (rule, message) = weaker(seen)
    assert (rule, message) == ("X01", f"it runs with what its definition does not say: {rules}")


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"restart": "always"}, {"restart": "on-failure:3"}),
        ({"logging": {"driver": "json-file", "options": {}}}, {"logging": {"driver": "local"}}),
        ({"image": "web:latest"}, {"image": "web:1@sha256:aa"}),
    ],
)
def test_what_gives_it_no_rights(seen: dict[str, Any], said: dict[str, Any]) -> None:
    found = weaker(seen, said)
    assert found
    assert "X01" not in dict(found)


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        ({"environment": {"DB_PASSWORD": "kW7zq2LmX9"}}, {"environment": {"DB_PASSWORD": "kW7zq2LmX9"}}),
        ({"labels": {"com.docker.compose.service": "web"}}, {}),
        ({"command": ["serve", "--token", "kW7zq2LmX9"]}, {"command": ["serve", "--token", "kW7zq2LmX9"]}),
        ({"volumes": [{"type": "bind", "source": "/etc/key", "target": "/run/secrets/key", "read_only": True}]}, {}),
        ({"cpus": 0.5}, {"deploy": {"resources": {"limits": {"cpus": "0.5"}}}}),
        ({"gpus": "all"}, {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}}),
        ({"networks": ["shop-back"], "image": "postgres:1"}, {"image": "postgres:1"}),
        ({"volumes": [{"type": "bind", "source": "/var/run/docker.sock", "target": "/var/run/docker.sock"},
                      {"type": "bind", "source": "/tmp/c", "target": "/run/secrets/docker/config.json"}]},
         {"use_api_socket": True}),
    ],
)  # fmt: skip
def test_the_same_in_other_words(seen: dict[str, Any], said: dict[str, Any]) -> None:
    found = weaker(
        seen, said, secrets={"key": {"file": "/etc/key"}},
        networks={"back": {"name": "shop-back", "internal": True}}, written=lambda _: "${FROM_ELSEWHERE}",
    )  # fmt: skip
    assert found == []


def test_a_limit_of_deploy_that_was_lifted() -> None:
    said = {"mem_limit": None, "deploy": {"resources": {"limits": {"memory": "64m"}}}}
    assert dict(weaker({"mem_limit": None}, said))["R01"]


def test_replicas_that_differ() -> None:
    """What is the same in several is told once."""
    project = Project("shop", {"web": SAID})
    models = (SEEN, {**SEEN, "privileged": True}, {**SEEN, "privileged": True, "pid": "host"})
    found = [(rule.id, hit.message) for rule, _, hit in scan_running(project, Running({"web": models}))]
    assert [rule for rule, _ in found] == ["H03", "N02", "X01"]
    assert found[-1][1].endswith(": H03, N02")


def test_what_is_not_defined_any_more() -> None:
    found = [(rule.id, service) for rule, service, _ in scan_running(Project("shop", {}), Running({"old": (SEEN,)}))]
    assert ("F03", "old") in found
    assert "X01" not in dict(found)


def test_commands_and_strangers() -> None:
    seen = Running(
        commands=(Ran("web", "shop-web-1", "sh", "root"), Ran("web", "shop-web-1", "sh", "1000", privileged=True)),
        strangers=(Stranger("x", "network", "shop_back", "back"), Stranger("y", "volume", "data", "")),
    )
    found = scan_running(Project("shop", {}), seen)
    assert [(rule.id, service, hit.path, hit.message) for rule, service, hit in found] == [
        ("X02", "web", (), "'sh' was run as root in shop-web-1"),
        ("X02", "web", (), "'sh' was run privileged in shop-web-1"),
        ("X03", None, ("networks", "back"), "x is on the network shop_back"),
        ("X03", None, (), "y is on the volume data"),
    ]  # fmt: skip


def test_container_of_another_stack() -> None:
    """It is there since somebody wrote so."""
    seen = Running(strangers=(Stranger("x", "network", "shop_back", "back", "other"), Stranger("y", "volume", "data")))
    found = [(hit.message, hit.severity) for _, _, hit in scan_running(Project("shop", {}), seen)]
    assert found == [
        ("x of the stack other is on the network shop_back", FindingSeverity.INFO), ("y is on the volume data", None)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("user", "privileged", "own", "expected"),
    [
        ("root", False, {"Config": {"User": "1000"}}, ("root", False)),
        ("root", False, {"Config": {"User": ""}}, None),
        ("0:0", False, {"Config": {"User": "root"}}, None),
        ("", True, {"Config": {"User": ""}, "HostConfig": {"Privileged": False}}, ("", True)),
        ("", True, {"Config": {"User": ""}, "HostConfig": {"Privileged": True}}, None),
        ("root", False, {}, ("root", False)),
        ("1000", False, {}, None),
    ],
)
def test_command_with_more_rights(
    user: str, privileged: bool, own: dict[str, Any], expected: tuple[str, bool] | None
) -> None:
    found = find_ran({"user": user, "privileged": privileged, "entrypoint": "sh"}, {"name": "shop-web-1"}, own)
    assert (found and (found.user, found.privileged)) == expected


# --- images


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (ImageFacts(environment=("PATH=/bin", "API_KEY=kW7zq2LmX9")), "it brings a value for API_KEY"),
        (ImageFacts(environment=("X=ghp_0123456789abcdefghijABCDEFGHIJ012345",)), "it brings a value for X"),
        (ImageFacts(history=("/bin/sh -c chmod u+s /bin/x",)), "it makes a program setuid"),
        (ImageFacts(history=("RUN chmod 4755 /bin/x # buildkit",)), "it makes a program setuid"),
        (ImageFacts(history=("ADD id_rsa /root/.ssh/ # buildkit",)), "a key was added to it"),
    ],
)
def test_image_that_holds_too_much(facts: ImageFacts, expected: str) -> None:
    project = Project("shop", {"web": SAID}, images={"web": facts})
    assert [hit.message for rule, _, hit in scan_project(project) if rule.id == "I06"] == [expected]


@pytest.mark.parametrize(
    "facts",
    [
        ImageFacts(),
        ImageFacts(
            "1000", ("PATH=/bin", "POSTGRES_PASSWORD_FILE=/x", "GPG_KEY=", "PASSWORD="), ("RUN chmod 755 /bin/x",)
        ),
        ImageFacts(history=("COPY --chmod=0644 app.keyboard /x", "ADD rootfs.tar.xz /")),
    ],
)
def test_image_that_does_not(facts: ImageFacts) -> None:
    project = Project("shop", {"web": SAID}, images={"web": facts})
    assert [hit.message for rule, _, hit in scan_project(project) if rule.id == "I06"] == []


@pytest.mark.parametrize(
    ("user", "root"), [("", True), ("0", True), ("root:root", True), ("1000", False), ("app", False)]
)
def test_user_and_check_of_an_image(user: str, root: bool) -> None:
    project = Project("shop", {"web": {"image": "web:1"}}, images={"web": ImageFacts(user, checked=True)})
    found = {rule.id for rule, _, _ in scan_project(project)}
    assert ("F01" in found) is root
    assert "R07" not in found


# --- the engine


def test_engine_that_is_set_up_well() -> None:
    good = Posture(
        userns_remap=True, authorised=True, live_restore=True, no_new_privileges=True, icc=False, iptables=True,
        userland_proxy=False, log_level="info", socket_mode=0o660, runc="1.1.12",
    )  # fmt: skip
    assert list(judge_daemon(good)) == []
    for rule, change in BAD.items():
        assert [(one.id, one in RULES) for one, _ in judge_daemon(good._replace(**change))] == [(rule, True)], rule
    assert BAD.keys() == {rule.id for rule in RULES}


BAD: dict[str, dict[str, Any]] = {
    "D01": {"icc": True},
    "D02": {"log_level": "debug"},
    "D03": {"iptables": False},
    "D04": {"insecure_registries": ("10.0.0.0/8",)},
    "D05": {"plain_hosts": ("tcp://0.0.0.0:2375",)},
    "D06": {"userns_remap": False},
    "D07": {"authorised": False},
    "D08": {"no_new_privileges": False},
    "D09": {"live_restore": False},
    "D10": {"userland_proxy": True},
    "D11": {"experimental": True},
    "D12": {"swarm": True},
    "D13": {"socket_mode": 0o666},
    "D14": {"runc": "1.1.11"},
}


def test_what_an_engine_does_not_tell() -> None:
    """Nothing is held against it but what it would say."""
    assert {rule.id for rule, _ in judge_daemon(Posture())} == {"D06", "D07", "D08"}
    for version in ("1.1.5+ds1", "", "1.2.0", "v1.1.12", "2.0.0"):
        assert "D14" not in {rule.id for rule, _ in judge_daemon(Posture(runc=version))}
    assert "D06" not in {rule.id for rule, _ in judge_daemon(Posture(rootless=True))}


# --- a container as Compose would define it

HOST = {
    "NetworkMode": "shop_back", "Privileged": False, "CapAdd": ["CAP_NET_RAW"], "PidMode": "", "IpcMode": "private",
    "UTSMode": "", "UsernsMode": "", "CgroupnsMode": "private", "Runtime": "runc", "NanoCpus": 500000000,
    "Memory": 1024, "MemorySwap": -1, "PidsLimit": None, "SecurityOpt": ["label=disable"],
    "MaskedPaths": ["/proc/kcore"],
    "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}, "LogConfig": {"Type": "json-file", "Config": {}},
    "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}, {"HostIp": "", "HostPort": ""}],
                     "81/udp": None},
    "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}], "Devices": [{"PathOnHost": "/dev/x"}],
    "Tmpfs": {"/t": "exec"},
}  # fmt: skip
INSPECT = {
    "Config": {"Image": "web:1", "User": "1000", "Cmd": ["serve"], "Env": ["PATH=/bin", "A=b=c"],
               "Labels": {"x": "y", "of": "image"}, "Healthcheck": {"Test": ["CMD", "true"]}},
    "HostConfig": HOST,
    "Mounts": [
        {"Type": "bind", "Source": "/host_mnt/a", "Destination": "/b", "RW": False, "Propagation": "rslave"},
        {"Type": "volume", "Name": "shop_data", "Source": "/v", "Destination": "/d", "RW": True, "Propagation": ""},
        {"Type": "volume", "Name": "4f" * 32, "Destination": "/e", "RW": True}, {"Type": "tmpfs", "Destination": "/t"},
    ],
    "NetworkSettings": {"Networks": {"shop_back": {}}},
}  # fmt: skip


def test_container_as_a_definition() -> None:
    brought = {"Env": ["PATH=/bin"], "Labels": {"of": "image"}, "Cmd": ["other"], "Entrypoint": None}
    assert like_compose(INSPECT, "shop", brought=brought) == {
        "image": "web:1", "user": "1000", "command": ["serve"], "environment": {"A": "b=c"}, "labels": {"x": "y"},
        "healthcheck": {"test": ["CMD", "true"]}, "cap_add": ["CAP_NET_RAW"], "security_opt": ["label=disable"],
        "mem_limit": 1024, "memswap_limit": -1, "cpus": 0.5, "restart": "on-failure:3",
        "logging": {"driver": "json-file", "options": {}}, "ulimits": {"nofile": {"soft": 1, "hard": 2}},
        "volumes": [
            {"type": "bind", "source": "/a", "target": "/b", "read_only": True, "bind": {"propagation": "rslave"}},
            {"type": "volume", "source": "data", "target": "/d"},
            {"type": "volume", "source": "", "target": "/e"},
        ],
        "ports": [
            {"target": "80", "published": "8080", "host_ip": "127.0.0.1", "protocol": "tcp"},
            {"target": "80", "published": None, "host_ip": "", "protocol": "tcp"},
        ],
        "devices": ["/dev/x"], "tmpfs": ["/t:exec"], "networks": ["back"],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ({"PidMode": "host"}, {"pid": "host"}),  # the engine takes the label off by itself
        ({"IpcMode": "container:x"}, {"ipc": "container:x"}),
        ({"Privileged": True, "MaskedPaths": None}, {"privileged": True}),
        ({"MaskedPaths": []}, {"security_opt": ["label=disable", "systempaths=unconfined"]}),
        ({"Runtime": "nvidia"}, {"runtime": "nvidia"}),
        ({"CgroupnsMode": "host"}, {"cgroup": "host"}),
        ({"NetworkMode": "host"}, {"network_mode": "host"}),
        ({"NetworkMode": "default"}, {"network_mode": "bridge"}),
        ({"NetworkMode": "container:x"}, {"network_mode": "container:x"}),
    ],
)
def test_modes_of_a_container(host: dict[str, Any], expected: dict[str, Any]) -> None:
    one = like_compose({"HostConfig": {"SecurityOpt": ["label=disable"], **host}}, "shop")
    assert {key: one.get(key) for key in expected} == expected
    assert ("security_opt" in one) is not any(key in expected for key in ("pid", "ipc", "privileged"))


def test_what_all_have_on_an_engine() -> None:
    host = {"HostConfig": {"Runtime": "nvidia", "CgroupnsMode": "host"}, "Config": {"Image": "sha256:aa"}}
    assert like_compose(host, "shop", shares_groups=True, runtime="nvidia") == {}


def test_request_as_a_definition() -> None:
    asked = {
        "Image": "web:1", "User": "root",
        "HostConfig": {
            "Privileged": True, "Binds": ["shop_data:/d:rw", "/etc:/e:ro"],
            "Mounts": [{"Type": "bind", "Source": "/a", "Target": "/b", "BindOptions": {"Propagation": "rshared"}},
                       {"Type": "tmpfs", "Target": "/t"}],
        },
        "NetworkingConfig": {"EndpointsConfig": {"shop_back": {}}},
    }  # fmt: skip
    one = like_request(asked, "shop")
    assert one["volumes"] == [
        "data:/d:rw", "/etc:/e:ro",
        {"type": "bind", "source": "/a", "target": "/b", "read_only": False, "bind": {"propagation": "rshared"}},
    ]  # fmt: skip
    assert (one["privileged"], one["user"], one["networks"]) == (True, "root", ["back"])
    project = Project("shop", {"web": one})
    assert {"H03", "H05", "F01", "F04"} <= {rule.id for rule, _, _ in scan_project(project)}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("/host_mnt/Users/me", "/Users/me"),
        ("/run/desktop/mnt/host/c/Users/me/shop", "C:\\Users\\me\\shop"),
        ("/run/desktop/mnt/host/d", "D:\\"),
        ("/run/desktop/mnt/host/wsl", "/run/desktop/mnt/host/wsl"),
    ],
)
def test_files_of_a_desktop(source: str, expected: str) -> None:
    one = like_compose({"Mounts": [{"Type": "bind", "Source": source, "Destination": "/x"}]}, "shop")
    assert one["volumes"][0]["source"] == expected
    said = {"volumes": [{"type": "bind", "source": expected, "target": "/x"}]}
    if ":" in expected:
        assert weaker({"volumes": one["volumes"]}, said) == []


def test_request_with_a_drive() -> None:
    one = like_request({"HostConfig": {"Binds": ["C:\\x:/d:ro", "d:/e"]}}, "shop")
    assert one["volumes"] == ["C:\\x:/d:ro", "d:/e"]


def test_no_message_holds_a_secret() -> None:
    project = Project("shop", {"web": {"environment": {"DOCKER_HOST": "tcp://me:kW7zq2LmX9@192.0.2.1:2375"}}})
    told = [hit.message for _, _, hit in (*scan_project(project), *scan_service(project, "web"))]
    assert any("DOCKER_HOST" in one for one in told) and not any("kW7zq2LmX9" in one for one in told)


def test_nothing_at_all() -> None:
    assert like_compose({}, "shop") == like_request({}, "shop") == {}


def test_every_rule_says_what_it_has_to() -> None:
    for id_, rule in all_rules().items():
        assert id_ == rule.id
        assert rule.title and rule.why.endswith((".", "?")) and rule.fix, id_


def test_the_mount_of_certificates_is_ours_and_what_only_looks_like_it_is_not() -> None:
    source = "/state/engine/shop/tls/mounts/db"
    ours = {"Type": "bind", "Source": source, "Target": "/run/controller/tls", "ReadOnly": True}
    assert like_request({"HostConfig": {"Mounts": [ours]}}, "shop") == {}
    seen = {"Type": "bind", "Source": source, "Destination": "/run/controller/tls", "RW": False}
    assert like_compose({"Mounts": [seen]}, "shop") == {}
    for other in ({"Source": "/etc"}, {"RW": True}, {"Destination": "/srv"}):
        assert "volumes" in like_compose({"Mounts": [{**seen, **other}]}, "shop")
