"""The recorder's answers to Compose: nothing exists, everything asked for is written down, the rest is refused."""

import json
from typing import Any

import pytest

from controller.engines.extras import mark_compose_starts, refuse_programs
from controller.engines.recording import PASS, Recorder, read_facts, strip_version
from controller.model.errors import Rejected
from controller.model.project import RenderedProject
from tests.unit.engines.requests import marks, request, template

pytestmark = pytest.mark.unit

ID = "d1" * 32

MODEL = {
    "services": {"a": {"image": "img:1", "platform": "linux/arm64/v8"}, "b": {"build": {}, "platform": "linux/amd64"}},
    "networks": {"default": {"name": "p_default"}, "out": {"name": "elsewhere", "external": True}},
    "volumes": {"data": {"name": "p_data"}, "kept": {"name": "theirs", "external": True}},
}


def recorder(**known: str) -> Recorder:
    return Recorder(read_facts(RenderedProject("p", MODEL), known))


def create(made: Recorder, service: str = "a") -> str:
    body = request(service=service).create
    status, answer = made.answer("POST", "/containers/create", {"name": f"p-{service}-1"}, body)  # type: ignore[misc]
    assert status == 201
    return str(answer["Id"])


@pytest.mark.parametrize(
    "path",
    ["/_ping", "/version", "/info", "/images/img:1/json", "/networks/elsewhere", "/networks/bridge", "/volumes/theirs",
     "/containers/foreign/json"],
)  # fmt: skip
def test_reads_that_are_the_daemons(path: str) -> None:
    assert recorder().answer("GET", path, {}, None) is PASS


@pytest.mark.parametrize("path", ["/networks/p_default", "/networks/unknown", "/volumes/p_data"])
def test_what_compose_would_make_is_not_there(path: str) -> None:
    status, _ = recorder().answer("GET", path, {}, None)  # type: ignore[misc]
    assert status == 404


def test_nothing_runs_until_it_was_created_here() -> None:
    made = recorder()
    query = {
        "all": "1",
        "filters": {"label": {"com.docker.compose.project=p": True, "com.docker.compose.config-hash": True}},
    }
    assert made.answer("GET", "/containers/json", query, None) == (200, [])
    created = create(made)
    (found,) = made.answer("GET", "/containers/json", query, None)[1]  # type: ignore[index]
    assert (found["Id"], found["Names"]) == (created, ["/p-a-1"])
    other = {"filters": {"label": ["com.docker.compose.service=b"]}}
    assert made.answer("GET", "/containers/json", other, None) == (200, [])


@pytest.mark.parametrize(
    "method, path",
    [
        ("POST", "/images/create"),
        ("POST", "/containers/x/start"),
        ("DELETE", "/containers/x"),
        ("POST", "/build"),
        ("PUT", "/containers/unknown/archive"),
        ("POST", "/volumes/prune"),
    ],
)
def test_every_other_write_is_refused_and_remembered(method: str, path: str) -> None:
    made = recorder()
    status, _ = made.answer(method, path, {}, b"")  # type: ignore[misc]
    assert status == 500
    assert made.refused == [f"{method} {path}"]


def test_what_was_made_can_be_read_back() -> None:
    made = recorder()
    made.answer("POST", "/networks/create", {}, {"Name": "p_default", "Driver": "", "Labels": {"x": "y"}})
    made.answer("POST", "/volumes/create", {}, {"Name": "p_data", "Labels": {}})
    status, network = made.answer("GET", "/networks/p_default", {}, None)  # type: ignore[misc]
    assert (status, network["Id"], network["Driver"]) == (200, "p_default", "bridge")
    assert made.answer("GET", "/networks", {"filters": {"name": {"p_default": True}}}, None)[1] == [network]  # type: ignore[index]
    assert made.answer("GET", "/volumes/p_data", {}, None)[0] == 200  # type: ignore[index]
    inspect = made.answer("GET", f"/containers/{create(made)}/json", {}, None)[1]  # type: ignore[index]
    assert inspect["Config"]["Labels"] == marks()


def test_connects_and_files_that_follow_belong_to_the_template() -> None:
    made = recorder()
    created = create(made)
    connect = {"Container": created, "EndpointConfig": {"Aliases": ["x"]}}
    assert made.answer("POST", "/networks/p_back/connect", {}, connect) == (200, None)
    assert made.answer("PUT", f"/containers/{created}/archive", {"path": "/"}, b"tar") == (200, None)
    (kept,) = made.containers.values()
    assert kept.connects == ({"network": "p_back", "endpoint": {"Aliases": ["x"]}},)
    assert kept.archives == ({"query": {"path": "/"}, "data": "dGFy"},)


@pytest.mark.parametrize("path, shape", [("/networks", list), ("/networks/elsewhere", dict)])
def test_networks_that_are_there_are_asked_for_by_id_and_kept_by_name(path: str, shape: type) -> None:
    """As Compose 2.26 does; a later one asks by name, and gets the same template."""
    templates = []
    for called in (ID, "elsewhere"):
        made, there = recorder(), {"Id": ID, "Name": "elsewhere"}
        made.note(path, [there, {"Id": "f" * 64, "Name": "elsewhere2"}] if shape is list else there)
        host, endpoints = {"NetworkMode": called}, {called: {"Aliases": ["a"]}}
        body = request(host=host, create={"NetworkingConfig": {"EndpointsConfig": endpoints}}).create
        created = made.answer("POST", "/containers/create", {"name": "p-a-1"}, body)[1]["Id"]  # type: ignore[index]
        made.answer("POST", f"/networks/{called}/connect", {}, {"Container": created, "EndpointConfig": {}})
        templates.append(made.templates()["a"])
    assert templates[0] == templates[1]
    document = json.loads(templates[0].body)
    assert document["create"]["HostConfig"]["NetworkMode"] == "elsewhere"
    assert document["create"]["NetworkingConfig"]["EndpointsConfig"] == {"elsewhere": {"Aliases": ["a"]}}
    assert document["connects"] == [{"network": "elsewhere", "endpoint": {}}]


def test_other_answers_of_the_daemon_name_no_network() -> None:
    made = recorder()
    made.note("/networks/elsewhere", {"message": "no such network"})
    made.note("/networks", None)
    made.note("/images/img:1/json", {"Id": ID, "Name": "elsewhere"})
    assert made.names == {}


def test_ids_are_the_real_ones_where_there_are_any_and_else_always_the_same() -> None:
    assert create(recorder(a="real")) == "real"
    assert create(recorder()) == create(recorder()) != create(recorder(), "b")


def test_a_missing_image_is_made_up_for_the_platform_that_is_asked_for() -> None:
    image = recorder().make_up_image("img:1")
    assert (image["Os"], image["Architecture"], image["Variant"]) == ("linux", "arm64", "v8")
    assert recorder().make_up_image("p-b")["Architecture"] == "amd64"
    assert recorder().make_up_image("other:1")["Architecture"] == ""


@pytest.mark.parametrize("path", ["/v1.41/info", "/info", "/v1.100/info"])
def test_versions_are_stripped(path: str) -> None:
    assert strip_version(path) == "/info"


@pytest.mark.parametrize("key", ["provider", "models"])
def test_services_that_run_programs_at_create_are_refused(key: str) -> None:
    with pytest.raises(Rejected, match=f"service a: `{key}`"):
        refuse_programs(RenderedProject("p", {"services": {"a": {key: {"type": "x"}}}}))


@pytest.mark.parametrize(
    "service, has_files, by_compose",
    [
        ({}, False, False),
        ({"configs": [{"source": "inline"}]}, False, True),
        ({"configs": ["inline"]}, False, True),
        ({"configs": [{"source": "inline"}]}, True, False),
        ({"configs": [{"source": "file"}]}, False, False),
        ({"secrets": [{"source": "variable"}]}, False, True),
        ({"post_start": [{}]}, False, True),
        ({"pre_stop": [{}]}, True, True),
        ({"use_api_socket": True}, False, True),
    ],
)
def test_who_starts(service: dict[str, Any], has_files: bool, by_compose: bool) -> None:
    model = {
        "services": {"a": service},
        "configs": {"inline": {"content": "x"}, "file": {"file": "/x"}},
        "secrets": {"variable": {"environment": "X"}},
    }
    archives = ({"query": {}, "data": ""},) if has_files else ()
    templates = {"a": template(request(archives=archives))}
    assert mark_compose_starts(templates, RenderedProject("p", model))["a"].starts_by_compose is by_compose
