"""Pure parts around the calls: networks and volumes that exist, image names, endpoints, frames, events."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import pytest

from controller.engines import labels
from controller.engines.base import Nudge, NudgeAt
from controller.engines.demultiplex import read_frames, read_raw, split_lines
from controller.engines.ensure import network_difference, volume_difference
from controller.engines.events import read_nudge
from controller.engines.images import index_images
from controller.engines.sightings import Sighting, Sightings, listed_key
from controller.engines.transport import Endpoint, keep_connection_settings, resolve_endpoint
from controller.model.errors import Rejected
from controller.model.images import normalise_image

pytestmark = pytest.mark.unit

NETWORK = {"Name": "p_n", "Driver": "", "Internal": False, "Labels": {labels.PROJECT: "p", labels.NETWORK: "n"}}
THERE = {**NETWORK, "Driver": "bridge", "IPAM": {"Config": [{"Subnet": "10.0.0.0/24", "Gateway": "10.0.0.1"}]}}


@pytest.mark.parametrize(
    "request_, there, difference",
    [
        (NETWORK, THERE, None),
        (NETWORK, {**THERE, "Labels": {}}, "owner"),
        (NETWORK, {**THERE, "Internal": True}, "Internal"),
        ({**NETWORK, "Driver": "macvlan"}, THERE, "driver"),
        ({**NETWORK, "Options": {"mtu": "9"}}, THERE, "driver options"),
        ({**NETWORK, "IPAM": {"Config": [{"Subnet": "10.0.0.0/24"}]}}, THERE, None),
        ({**NETWORK, "IPAM": {"Config": [{"Subnet": "10.9.0.0/24"}]}}, THERE, "subnet"),
    ],
)
def test_a_network_that_exists_will_do_or_differs(request_: Any, there: Any, difference: str | None) -> None:
    assert network_difference(request_, there) == difference


@pytest.mark.parametrize(
    "request_, there, difference",
    [
        ({"Name": "v"}, {"Driver": "local", "Options": None}, None),
        ({"Driver": "local", "DriverOpts": {"o": "x"}}, {"Driver": "local", "Options": {"o": "x"}}, None),
        ({"DriverOpts": {"o": "x"}}, {"Driver": "local", "Options": None}, "driver options"),
        ({}, {"Driver": "local", "Options": {"o": "x"}}, "driver options"),
        ({"Driver": "nfs"}, {"Driver": "local"}, "driver"),
    ],
)
def test_a_volume_that_exists_will_do_or_differs(request_: Any, there: Any, difference: str | None) -> None:
    assert volume_difference(request_, there) == difference


@pytest.mark.parametrize(
    "name, same",
    [
        ("redis", "redis:latest"),
        ("docker.io/library/redis:7", "redis:7"),
        ("index.docker.io/a/b", "a/b:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        ("localhost:5000/a:1", "localhost:5000/a:1"),
        ("redis:7@sha256:abc", "redis@sha256:abc"),
        ("redis@sha256:abc", "redis@sha256:abc"),
    ],
)
def test_one_spelling_of_an_image(name: str, same: str) -> None:
    assert normalise_image(name) == same


def test_images_are_found_by_tag_digest_and_id() -> None:
    listed = [
        {"Id": "sha256:1", "RepoTags": ["redis:7", "localhost:5000/x:1"], "RepoDigests": ["redis@sha256:abc"]},
        {"Id": "sha256:2", "RepoTags": ["<none>:<none>"], "RepoDigests": None},
    ]
    index = index_images(listed)
    names = ("docker.io/redis:7", "redis:7@sha256:abc", "localhost:5000/x:1", "sha256:2", "redis")
    assert [index.get(normalise_image(name)) for name in names] == ["sha256:1"] * 3 + ["sha256:2", None]


def write_context(folder: Path, name: str, host: str) -> None:
    meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_the_endpoint_is_the_one_that_docker_would_take(tmp_path: Path) -> None:
    write_context(tmp_path, "far", "ssh://u@h")
    write_context(tmp_path, "desk", "unix:///desk.sock")
    base = {"DOCKER_CONFIG": str(tmp_path)}
    assert resolve_endpoint(base) == Endpoint()
    (tmp_path / "config.json").write_text('{"currentContext": "desk"}')
    assert resolve_endpoint(base) == Endpoint("unix:///desk.sock", "desk")
    assert resolve_endpoint({**base, "DOCKER_CONTEXT": "far"}) == Endpoint("ssh://u@h", "far")
    assert resolve_endpoint({**base, "DOCKER_CONTEXT": "default"}) == Endpoint()
    assert resolve_endpoint({**base, "DOCKER_CONTEXT": "far", "DOCKER_HOST": "tcp://x:1"}) == Endpoint("tcp://x:1")
    with pytest.raises(Rejected, match="nowhere"):
        resolve_endpoint({**base, "DOCKER_CONTEXT": "nowhere"})


def test_endpoints_know_their_socket_and_their_flags() -> None:
    assert Endpoint("unix:///x.sock").socket_path == "/x.sock"
    assert Endpoint("ssh://h").socket_path is None
    assert Endpoint("ssh://h", "far").arguments == ("--context", "far")
    assert Endpoint("tcp://h:1").arguments == ("--host", "tcp://h:1")


def test_a_child_that_dials_gets_nothing_secret() -> None:
    given = {"PATH": "/bin", "DOCKER_CERT_PATH": "/c", "SSH_AUTH_SOCK": "/s", "ENCRYPTION_KEY": "k", "DB_PASSWORD": "p"}
    assert set(keep_connection_settings(given)) == {"PATH", "DOCKER_CERT_PATH", "SSH_AUTH_SOCK"}


def frame(number: int, payload: bytes) -> bytes:
    return bytes((number, 0, 0, 0)) + len(payload).to_bytes(4, "big") + payload


@pytest.mark.parametrize(
    "data, lines",
    [
        (frame(1, b"a\nb\n"), ["a", "b"]),
        (frame(1, b"a") + frame(2, b"x\n") + frame(1, b"b\n"), ["x", "ab"]),
        (frame(1, b"no end"), ["no end"]),
        (frame(1, b"win\r\n\xff\n"), ["win", "\ufffd"]),
        (frame(1, b"cut")[:-1], ["cu"]),
        (b"", []),
    ],
)
def test_frames_become_lines(data: bytes, lines: list[str]) -> None:
    assert list(split_lines(read_frames(io.BytesIO(data)))) == lines


def test_a_terminal_is_not_framed() -> None:
    assert list(split_lines(read_raw(io.BytesIO(b"a\r\nb")))) == ["a", "b"]


OURS = {labels.PROJECT: "p", labels.SERVICE: "a"}


@pytest.mark.parametrize(
    "kind, attributes, nudge",
    [
        ("container", OURS, NudgeAt(Nudge.SERVICE, "p", "a")),
        ("container", {"name": "foreign"}, None),
        ("image", {}, NudgeAt(Nudge.IMAGES)),
        ("network", {"container": "known"}, NudgeAt(Nudge.SERVICE, "p", "b")),
        ("network", {"container": "unknown"}, None),
        ("network", {"container": "unknown", "name": "n"}, NudgeAt(Nudge.NETWORK, network="n")),
        ("network", {"name": "n"}, None),
        ("daemon", {}, None),
    ],
)
def test_where_an_event_says_to_look(kind: str, attributes: dict[str, str], nudge: NudgeAt | None) -> None:
    event = {"Type": kind, "Actor": {"ID": "1", "Attributes": attributes}}
    assert read_nudge(event, {"known": ("p", "b")}.get) == nudge


def sighting(key: str, at: float) -> Sighting:
    return Sighting(key, {"Config": {"Labels": {labels.PROJECT: "p", labels.SERVICE: "a"}}}, at)


def test_sightings_hold_only_while_someone_watches_and_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    seen = Sightings()
    seen.keep("1", seen.mark(), sighting("k", 100.0))
    assert seen.recall("1", "k") is None  # nobody watches
    seen.connect(5.0)
    seen.keep("1", seen.mark(), sighting("k", 100.0))
    assert seen.recall("1", "k") is not None and seen.whose("1") == ("p", "a")
    assert seen.recall("1", "other") is None
    mark = seen.mark()
    seen.say("1")
    seen.keep("1", mark, sighting("k", 100.0))
    assert seen.recall("1", "k") is None  # said while it was being inspected
    seen.keep("1", seen.mark(), sighting("k", 30.0))
    assert seen.recall("1", "k") is None  # too old
    seen.keep("1", seen.mark(), sighting("k", 100.0))
    seen.forget_others("other", ())
    assert seen.recall("1", "k") is not None
    seen.lose()
    assert seen.recall("1", "k") is None and seen.since is None


def test_what_a_list_says_without_ages() -> None:
    item = {"State": "running", "Status": "Up 2 seconds (healthy)", "Names": ["/a"], "ImageID": "1"}
    assert listed_key(item) == listed_key({**item, "Status": "Up 9 days (healthy)"})
    assert listed_key(item) != listed_key({**item, "Status": "Up 9 days (unhealthy)"})
    assert listed_key(item) != listed_key({**item, "State": "paused"})
    assert listed_key(item) != listed_key({**item, "Names": ["/b"]})
